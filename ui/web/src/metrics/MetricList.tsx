// biome-ignore-all lint/a11y/useSemanticElements: rows stand at computed places
// biome-ignore-all lint/a11y/useFocusableInteractive: the links in the rows take the focus
/** Metrics as a table that sorts by any column; only the rows on screen exist. */
import { Link } from "@tanstack/react-router";
import type { KeyboardEvent } from "react";
import type { Metric } from "../api/types";
import { formatAgo, formatCompact, formatCount, visible } from "../kit/format";
import styles from "./Catalogue.module.css";
import type { MetricSort } from "./catalogue";
import { readSort, typeName, writeSort } from "./series";
import { useWindowed } from "./windowed";

const ROW = 28;

const COLUMNS: [MetricSort, string][] = [
  ["name", "Metric"],
  ["type", "Type"],
  ["unit", "Unit"],
  ["services", "Services"],
  ["series", "Series"],
  ["points", "Points"],
  ["last", "Last seen"],
];
/** Figures stand right and are sorted from the greatest first. */
const FIGURES = new Set<MetricSort>(["series", "points", "last"]);

type Props = {
  metrics: Metric[];
  sort: string | undefined;
  now: bigint;
  onSort(sort: string | undefined): void;
};

export function MetricList({ metrics, sort: sortText, now, onSort }: Props) {
  const view = useWindowed(ROW, ROW);
  const sort = readSort(sortText);

  function onKey(event: KeyboardEvent) {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset["at"];
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 20, PageUp: -20 }[event.key];
    if (at === undefined || step === undefined || event.metaKey || event.ctrlKey || event.altKey)
      return;
    const next = Math.max(0, Math.min(metrics.length - 1, Number(at) + step));
    event.preventDefault();
    view.reveal(next);
    requestAnimationFrame(() => {
      view.ref.current
        ?.querySelector<HTMLElement>(`[data-at="${next}"] a`)
        ?.focus({ preventScroll: true });
    });
  }

  const last = Math.min(metrics.length, view.last);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys that bubble from the rows' links
    <div ref={view.ref} className={styles.scroller} onScroll={view.onScroll} onKeyDown={onKey}>
      <div role="table" aria-label="Metrics" aria-rowcount={metrics.length + 1}>
        <div role="rowgroup" className={styles.head}>
          <div role="row" className={styles.row}>
            {COLUMNS.map(([key, text]) => {
              const own = sort.sort === key;
              const state = !own ? "none" : sort.descending ? "descending" : "ascending";
              return (
                <div
                  key={key}
                  role="columnheader"
                  aria-sort={state}
                  data-figure={FIGURES.has(key) || undefined}
                >
                  <button
                    type="button"
                    onClick={() =>
                      onSort(writeSort(key, own ? !sort.descending : FIGURES.has(key)))
                    }
                  >
                    {text}
                    {own && <span aria-hidden>{sort.descending ? " ▼" : " ▲"}</span>}
                  </button>
                </div>
              );
            })}
          </div>
        </div>
        <div role="rowgroup" className={styles.body} style={{ height: metrics.length * ROW }}>
          {metrics.slice(view.first, last).map((metric, index) => (
            <MetricRow
              key={`${metric.name} ${metric.type}`}
              metric={metric}
              at={view.first + index}
              now={now}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function MetricRow({ metric, at, now }: { metric: Metric; at: number; now: bigint }) {
  const { name, unit, services, series, points, last, description } = metric;
  const names = services.join(", ");
  return (
    <div
      role="row"
      className={styles.row}
      style={{ top: at * ROW }}
      data-at={at}
      aria-rowindex={at + 2}
    >
      <div role="cell" title={!description ? name : `${name}: ${description}`}>
        <Link to="." search={((old: object) => ({ ...old, metric: name })) as never}>
          <bdi>{visible(name)}</bdi>
        </Link>
      </div>
      <div role="cell">{typeName(metric)}</div>
      <div role="cell">{visible(unit ?? "")}</div>
      <div role="cell" title={names}>
        <bdi>{visible(names)}</bdi>
      </div>
      <div role="cell" data-figure>
        {formatCount(series)}
      </div>
      <div role="cell" data-figure>
        {formatCompact(points)}
      </div>
      <div role="cell" data-figure>
        {formatAgo(last, now)}
      </div>
    </div>
  );
}
