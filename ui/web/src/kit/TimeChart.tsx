/**
 * A chart over time (or any ordered number) with crosshair, brush, gaps and a table twin.
 *
 * uPlot is loaded with the first chart that is drawn. Keys: arrows move the crosshair, Enter sets
 * one end of a range and then the other, Escape lets it go.
 */
import {
  type KeyboardEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import styles from "./TimeChart.module.css";
import { useTheme } from "./theme";
import type { ChartCells, ChartDot, ChartKind, ChartSeries, PlotInput } from "./timechart/input";
import type { TimePlot } from "./timechart/plot";
import { ChartTable, ChartTip, type TipAt } from "./timechart/readout";

export type { ChartCells, ChartDot, ChartSeries };

type Props = {
  /** What the chart shows, for those who cannot see it. */
  label: string;
  /** Ascending: milliseconds since 1970, or plain numbers with `xTime` false. */
  x: number[];
  series: ChartSeries[];
  height: number;
  formatY(value: number): string;
  /** Shorter than `formatY`, for the axis. */
  formatAxis?(value: number): string;
  /** An x as text in the readout and the table. */
  formatX(value: number): string;
  zone: string;
  xTime?: boolean;
  kind?: ChartKind;
  log?: boolean;
  domain?: [number, number] | null;
  dots?: ChartDot[];
  cells?: ChartCells | null;
  /** Charts with the same key share their crosshair. */
  syncKey?: string;
  dimmed?: boolean;
  /** No button for the table: the page has the figures elsewhere. */
  bare?: boolean;
  onRange?(from: number, to: number): void;
  onDot?(index: number): void;
};

const NO_DOTS: ChartDot[] = [];

export function TimeChart(props: Props) {
  const { label, x, series, height, formatY, formatX, zone, kind = "line", log = false } = props;
  const {
    domain = null,
    dots = NO_DOTS,
    syncKey = null,
    xTime = true,
    cells = null,
    formatAxis = null,
  } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<TimePlot | null>(null);
  const [tip, setTip] = useState<TipAt | null>(null);
  const [asTable, setAsTable] = useState(false);
  const anchor = useRef<number | null>(null);
  const hint = useId();
  const theme = useTheme();
  const handlers = useRef(props);
  handlers.current = props;

  const input = useMemo<PlotInput>(
    () => ({
      x,
      xTime,
      series,
      kind,
      log,
      domain,
      dots,
      cells,
      zone,
      theme,
      syncKey,
      formatY,
      formatX,
      formatAxis,
    }),
    [
      x,
      xTime,
      series,
      kind,
      log,
      domain,
      dots,
      cells,
      zone,
      theme,
      syncKey,
      formatY,
      formatX,
      formatAxis,
    ],
  );
  const latest = useRef(input);
  latest.current = input;

  useEffect(() => {
    const element = host.current;
    if (element === null || asTable) return;
    let gone = false;
    import("./timechart/plot").then((module) => {
      if (gone) return;
      plot.current = new module.TimePlot(element, latest.current, {
        onCursor: setTip,
        onRange: (from, to) => handlers.current.onRange?.(from, to),
        onDot: (index) => handlers.current.onDot?.(index),
      });
    });
    return () => {
      gone = true;
      plot.current?.destroy();
      plot.current = null;
      setTip(null);
    };
  }, [asTable]);

  useLayoutEffect(() => plot.current?.update(input), [input]);

  function onKey(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = tip?.index ?? -1;
    const leap = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowRight") plot.current?.moveTo(Math.min(x.length - 1, at + leap));
    else if (event.key === "ArrowLeft")
      plot.current?.moveTo(Math.max(0, at < 0 ? x.length - 1 : at - leap));
    else if (event.key === "Enter" && at >= 0) setEnd(at);
    else if (event.key === "Escape" && anchor.current !== null) anchor.current = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function setEnd(at: number) {
    if (anchor.current === null) {
      anchor.current = at;
      return;
    }
    const [from, to] = [x[Math.min(anchor.current, at)], x[Math.max(anchor.current, at)]];
    anchor.current = null;
    if (from !== undefined && to !== undefined && to > from) props.onRange?.(from, to);
  }

  return (
    <figure className={styles.figure} aria-label={label}>
      {props.bare !== true && (
        <button
          type="button"
          className={styles.twin}
          aria-pressed={asTable}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? "Chart" : "Table"}
        </button>
      )}
      {asTable ? (
        <ChartTable label={label} input={input} height={height} />
      ) : (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: a chart with keys of its own */}
          <div
            ref={host}
            role="group"
            className={styles.host}
            style={{ height }}
            data-dimmed={props.dimmed || undefined}
            tabIndex={props.bare === true ? undefined : 0}
            aria-label={`${label}: chart`}
            aria-describedby={props.bare === true ? undefined : hint}
            onKeyDown={onKey}
          />
          {props.bare !== true && (
            <span id={hint} className="hidden-text">
              Arrow keys read values; Enter twice chooses a range; the Table button shows the
              figures.
            </span>
          )}
          {tip !== null && <ChartTip at={tip} input={input} />}
        </>
      )}
    </figure>
  );
}
