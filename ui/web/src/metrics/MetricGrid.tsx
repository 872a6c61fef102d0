/** Metrics as cards with a small chart each; only the cards on screen exist. */
import { Link } from "@tanstack/react-router";
import type { KeyboardEvent } from "react";
import type { Metric, Range } from "../api/types";
import { formatCompact, visible } from "../kit/format";
import styles from "./Catalogue.module.css";
import { Spark } from "./Spark";
import { typeName } from "./series";
import { useWindowed } from "./windowed";

const CARD = 148;
const CARD_WIDTH_MIN = 300;

export function MetricGrid({ metrics, range }: { metrics: Metric[]; range: Range }) {
  const view = useWindowed(CARD);
  const columns = Math.max(1, Math.floor(view.width / CARD_WIDTH_MIN));
  const rows = Math.ceil(metrics.length / columns);
  const first = view.first * columns;
  const shown = metrics.slice(first, Math.min(rows, view.last) * columns);

  function onKey(event: KeyboardEvent) {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset["at"];
    const step = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      j: 1,
      k: -1,
    }[event.key];
    if (at === undefined || step === undefined || event.metaKey || event.ctrlKey || event.altKey)
      return;
    const next = Math.max(0, Math.min(metrics.length - 1, Number(at) + step));
    event.preventDefault();
    view.reveal(Math.floor(next / columns));
    requestAnimationFrame(() => {
      view.ref.current
        ?.querySelector<HTMLElement>(`[data-at="${next}"] a`)
        ?.focus({ preventScroll: true });
    });
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys that bubble from the cards' links
    <div ref={view.ref} className={styles.scroller} onScroll={view.onScroll} onKeyDown={onKey}>
      <ul className={styles.grid} style={{ height: rows * CARD }} aria-label="Metrics">
        {shown.map((metric, index) => {
          const at = first + index;
          const place = {
            top: Math.floor(at / columns) * CARD,
            left: `${((at % columns) / columns) * 100}%`,
            width: `${100 / columns}%`,
          };
          return (
            <li
              key={`${metric.name} ${metric.type}`}
              className={styles.cell}
              style={place}
              data-at={at}
            >
              <Link
                to="."
                search={((old: object) => ({ ...old, metric: metric.name })) as never}
                className={styles.card}
                title={metric.description || undefined}
              >
                <bdi className={styles.name}>{visible(metric.name)}</bdi>
                <span className={styles.facts}>
                  {typeName(metric)}
                  {metric.unit && metric.unit !== "1" && ` · ${metric.unit}`}
                  {` · ${formatCompact(metric.series)} series`}
                </span>
                <Spark metric={metric} range={range} height={72} />
              </Link>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
