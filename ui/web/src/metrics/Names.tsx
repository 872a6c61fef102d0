/** The other metrics, beside the one that is open. */
import { Link } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Metric } from "../api/types";
import { formatCount, visible } from "../kit/format";
import { Input } from "../kit/Input";
import { useChosen } from "./Catalogue";
import styles from "./Detail.module.css";
import type { MetricsSearch } from "./search";
import { useWindowed } from "./windowed";

type Props = { metrics: Metric[]; search: MetricsSearch; current: string; onClose(): void };

const ROW = 28;

export function Names({ metrics, search, current, onClose }: Props) {
  const [typed, setTyped] = useState(search.search ?? "");
  const shown = useChosen(metrics, typed, search);
  const view = useWindowed(ROW);
  const at = shown.findIndex(({ name }) => name === current);
  const { reveal } = view;
  const revealed = useRef(false);
  useEffect(() => {
    if (at < 0 || revealed.current) return;
    revealed.current = true;
    reveal(at);
  }, [at, reveal]);

  function onKey(event: KeyboardEvent) {
    const from = (event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset["at"];
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    if (from === undefined || step === undefined || event.metaKey || event.ctrlKey || event.altKey)
      return;
    const next = Math.max(0, Math.min(shown.length - 1, Number(from) + step));
    event.preventDefault();
    reveal(next);
    requestAnimationFrame(() =>
      view.ref.current
        ?.querySelector<HTMLElement>(`[data-at="${next}"]`)
        ?.focus({ preventScroll: true }),
    );
  }

  return (
    <nav className={styles.names} aria-label="Metrics">
      <div className={styles.find}>
        <Input
          label="Find a metric"
          placeholder="Find a metric"
          icon={<Search size={14} aria-hidden />}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys that bubble from the links */}
      <div ref={view.ref} className={styles.list} onScroll={view.onScroll} onKeyDown={onKey}>
        <ul style={{ height: shown.length * ROW }}>
          {shown.slice(view.first, view.last).map(({ name, type }, index) => (
            <li key={`${name} ${type}`} style={{ top: (view.first + index) * ROW }}>
              <Link
                to="."
                data-at={view.first + index}
                aria-current={name === current ? "page" : undefined}
                title={name}
                search={
                  ((old: object) => ({
                    ...old,
                    metric: name,
                    agg: undefined,
                    group: undefined,
                    filter: undefined,
                  })) as never
                }
              >
                <bdi>{visible(name)}</bdi>
              </Link>
            </li>
          ))}
        </ul>
      </div>
      <button type="button" className={styles.all} onClick={onClose}>
        All {formatCount(metrics.length)} metrics
      </button>
    </nav>
  );
}
