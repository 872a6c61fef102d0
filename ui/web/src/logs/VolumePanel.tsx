/** The volume of all matches by level: point, draw to zoom in, filter by a level; a table too. */

import { Table2 } from "lucide-react";
import { useState } from "react";
import type { Level } from "../api/types";
import { formatClock, formatCount, plural } from "../kit/format";
import { GridChart } from "../kit/GridChart";
import styles from "./VolumePanel.module.css";
import { columnSum, rangeOf, type Volume } from "./volume";
import { type Visible, VolumeCanvas } from "./volumecanvas";

const HEIGHT = 104;

type Props = {
  volume: Volume;
  zone: string;
  dimmed: boolean;
  /** Where the rows on screen lie. */
  visible: Visible | null;
  onRange(range: { from: bigint; to: bigint }): void;
  /** Whether the filter keeps a level. */
  isKept(level: Level): boolean;
  onLevel(level: Level): void;
};

export function VolumePanel(props: Props) {
  const { volume, zone, dimmed, visible, onRange, isKept, onLevel } = props;
  const [table, setTable] = useState(false);
  const total = volume.series.reduce((sum, each) => sum + each.total, 0);
  return (
    <section className={styles.panel} aria-label="Volume over time">
      <GridChart
        make={(canvas, handlers) => new VolumeCanvas(canvas, handlers)}
        show={(chart) => {
          chart.show(volume, zone);
          chart.mark(visible);
        }}
        label={`Volume of ${plural(total, "record")} by level`}
        height={HEIGHT}
        describe={(cell) => describe(volume, cell.column, zone)}
        onBox={(box) => onRange(rangeOf(volume, box))}
        dimmed={dimmed}
      />
      <div className={styles.tools}>
        <ul className={styles.legend} aria-label="Levels">
          {volume.series.map(({ level, total: count }) => (
            <li key={level}>
              <button
                type="button"
                aria-pressed={isKept(level)}
                title={`Keep only level ${level}`}
                onClick={() => onLevel(level)}
              >
                <span className={styles.swatch} data-level={level} aria-hidden="true" />
                {level} <span className={styles.count}>{formatCount(count)}</span>
              </button>
            </li>
          ))}
        </ul>
        <button type="button" aria-expanded={table} onClick={() => setTable(!table)}>
          <Table2 size={14} aria-hidden="true" /> Table
        </button>
      </div>
      {table && <VolumeTable volume={volume} zone={zone} onRange={onRange} />}
    </section>
  );
}

function describe(volume: Volume, column: number, zone: string): string {
  const box = { left: column, right: column, bottom: 0, top: 0 };
  const { from, to } = rangeOf(volume, box);
  const digits = volume.step < 1e9 ? "ms" : "s";
  const parts = volume.series
    .filter((each) => each.counts[column])
    .map((each) => `${formatCount(each.counts[column] ?? 0)} ${each.level}`);
  const sum = parts.length === 1 ? "" : `${plural(columnSum(volume, column), "record")}\n`;
  return `${sum}${parts.length > 0 ? `${parts.join("\n")}\n` : ""}${formatClock(from, zone, digits)} – ${formatClock(to, zone, digits)}`;
}

type TableProps = Pick<Props, "volume" | "zone" | "onRange">;

function VolumeTable({ volume, zone, onRange }: TableProps) {
  const filled = Array.from({ length: volume.count }, (_, i) => i).filter(
    (column) => columnSum(volume, column) > 0,
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keys
    <section className={styles.table} aria-label="Volume as a table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {volume.series.map((each) => (
              <th key={each.level} scope="col" data-number="">
                {each.level}
              </th>
            ))}
            <th scope="col">
              <span className="hidden-text">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {filled.map((column) => {
            const range = rangeOf(volume, { left: column, right: column, bottom: 0, top: 0 });
            return (
              <tr key={column}>
                <td>{formatClock(range.from, zone, volume.step < 1e9 ? "ms" : "s")}</td>
                {volume.series.map((each) => (
                  <td key={each.level} data-number="">
                    {formatCount(each.counts[column] ?? 0)}
                  </td>
                ))}
                <td>
                  <button type="button" onClick={() => onRange(range)}>
                    Zoom in
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
