/** The duration heatmap of all matches: point, draw a box, keep it; by numbers and as a table too. */
import { Table2, TextCursorInput } from "lucide-react";
import { useState } from "react";
import type { Lens } from "../api/types";
import { formatClock, formatCount, formatDuration, plural } from "../kit/format";
import { GridChart } from "../kit/GridChart";
import { type Box, boxOf, type Cell } from "../kit/gridbrush";
import { CutForm } from "./CutForm";
import styles from "./HeatPanel.module.css";
import { HeatTable } from "./HeatTable";
import { boxOfCut, type Cut, cutOf, type Heat, sumsOf } from "./heat";
import { HeatCanvas } from "./heatcanvas";

const HEIGHT = 172;

type Props = {
  heat: Heat;
  lens: Lens;
  zone: string;
  dimmed: boolean;
  /** The box that was drawn, as the address has it. */
  cut: Cut | null;
  onCut(cut: Cut | null): void;
  onKeep(cut: Cut): void;
  onSlowest(cut: Cut): void;
};

export function HeatPanel(props: Props) {
  const { heat, lens, zone, cut, onCut, onKeep } = props;
  const [twin, setTwin] = useState<"numbers" | "table" | null>(null);
  const box = cut && boxOfCut(heat, cut);
  const toggle = (which: "numbers" | "table") => setTwin(twin === which ? null : which);
  return (
    <section className={styles.panel} aria-label="Durations over time">
      <GridChart
        make={(canvas, handlers) => new HeatCanvas(canvas, handlers)}
        show={(chart) => chart.show(heat, zone, box)}
        label={`Heatmap of the durations of ${plural(totalOf(heat), "match", "matches")}`}
        height={HEIGHT}
        describe={(cell) => describe(heat, cell, lens, zone)}
        onBox={(drawn) => onCut(cutOf(heat, drawn))}
        onEscape={() => onCut(null)}
        onEnter={() => cut && onKeep(cut)}
        dimmed={props.dimmed}
      />
      <div className={styles.tools}>
        {cut ? <Chosen {...props} cut={cut} box={box} /> : <Hint />}
        <span className={styles.twins}>
          <button
            type="button"
            aria-expanded={twin === "numbers"}
            onClick={() => toggle("numbers")}
          >
            <TextCursorInput size={14} aria-hidden="true" /> Numbers
          </button>
          <button type="button" aria-expanded={twin === "table"} onClick={() => toggle("table")}>
            <Table2 size={14} aria-hidden="true" /> Table
          </button>
        </span>
      </div>
      {twin === "numbers" && <CutForm heat={heat} zone={zone} cut={cut} onKeep={onKeep} />}
      {twin === "table" && <HeatTable heat={heat} zone={zone} lens={lens} onCut={onCut} />}
    </section>
  );
}

function Hint() {
  return (
    <p className={styles.hint}>
      Drag a box, or click two corners, to keep what is inside. <i className={styles.errorMark} />{" "}
      errors
    </p>
  );
}

function Chosen(props: Props & { cut: Cut; box: Box | null }) {
  const { heat, lens, zone, cut, box, onCut, onKeep, onSlowest } = props;
  const sums = box && sumsOf(heat, box);
  return (
    <p className={styles.chosen} role="status">
      <strong>{sums ? plural(sums.count, lens === "traces" ? "trace" : "span") : "Nothing"}</strong>
      {sums && sums.errors > 0 && (
        <span className={styles.errors}>⬢ {formatCount(sums.errors)} with errors</span>
      )}
      <span>began {cutWords(cut, zone)}</span>
      <button type="button" className={styles.primary} onClick={() => onKeep(cut)}>
        Keep
      </button>
      {sums && sums.count > 0 && (
        <button type="button" onClick={() => onSlowest(cut)}>
          Open slowest
        </button>
      )}
      <button type="button" onClick={() => onCut(null)}>
        Clear
      </button>
    </p>
  );
}

function totalOf(heat: Heat): number {
  return heat.counts.reduce((a, b) => a + b, 0);
}

function describe(heat: Heat, cell: Cell, lens: Lens, zone: string): string {
  const box = boxOf(cell, cell);
  const { count, errors } = sumsOf(heat, box);
  const what = count === 0 ? "none" : plural(count, lens === "traces" ? "trace" : "span");
  const failed = errors > 0 ? `, ⬢ ${formatCount(errors)} with errors` : "";
  return `${what}${failed}\n${cutWords(cutOf(heat, box), zone)}`;
}

/** `13:42:07 – 13:42:12 · 100 ms – 126 ms`. */
export function cutWords(cut: Cut, zone: string): string {
  const digits = cut.to - cut.from < 10_000_000_000n ? "ms" : "s";
  const times = `${formatClock(cut.from, zone, digits)} – ${formatClock(cut.to, zone, digits)}`;
  if (cut.min === null && cut.max === null) return times;
  if (cut.min === null) return `${times} · below ${formatDuration(cut.max)}`;
  if (cut.max === null) return `${times} · ${formatDuration(cut.min)} and more`;
  return `${times} · ${formatDuration(cut.min)} – ${formatDuration(cut.max)}`;
}
