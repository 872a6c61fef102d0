import { useEffect, useMemo, useState } from "react";
import { formatCount, formatDuration, formatPercent, visible } from "../kit/format";
import { ServiceTick } from "../kit/Values";
import type { Trace, TraceSession } from "./session";
import type { Statistics } from "./statistics";
import styles from "./Table.module.css";
import type { SetSearch } from "./useNavigation";

interface Props {
  session: TraceSession;
  trace: Trace;
  slots: readonly number[];
  sort: string | undefined;
  setSearch: SetSearch;
  onOpen(row: number): void;
}

type Column = "count" | "errors" | "total" | "self" | "p50" | "p95" | "max";

const COLUMNS: readonly [Column, string, string][] = [
  ["count", "Spans", "How many spans of this operation"],
  ["errors", "Errors", "How many of them have an error"],
  ["total", "Total", "Sum of their durations; parallel spans count each"],
  ["self", "Self", "Time in which no child of theirs ran"],
  ["p50", "p50", "Half of them took at most this long"],
  ["p95", "p95", "95 % of them took at most this long"],
  ["max", "Longest", "The longest of them; opens it"],
];
const LINES_MAX = 500;

/** Where the time went: a line per service and operation. The table twin of the flame graph. */
export function StatisticsTable({ session, trace, slots, sort, setSearch, onOpen }: Props) {
  const [lines, setLines] = useState<Statistics | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another root has other figures
  useEffect(() => {
    let current = true;
    void session.statistics().then((answer) => current && setLines(answer));
    return () => {
      current = false;
    };
  }, [session, trace.structure, trace.root]);
  const by = COLUMNS.find(([column]) => column === sort)?.[0] ?? "self";
  const order = useMemo(() => {
    if (!lines) return [];
    return Array.from(lines.service, (_, line) => line).sort(
      (a, b) => lines[by][b]! - lines[by][a]!,
    );
  }, [lines, by]);
  const { skeleton } = trace.opened;
  if (!lines) return <p className={styles.note}>Counting…</p>;
  return (
    <div className={styles.scroller}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Operation</th>
            {COLUMNS.map(([column, name, meaning]) => (
              <th
                key={column}
                scope="col"
                className={styles.number}
                aria-sort={column === by ? "descending" : undefined}
              >
                <button
                  type="button"
                  title={meaning}
                  onClick={() => setSearch({ sort: column === "self" ? undefined : column })}
                >
                  {name}
                  <span aria-hidden>{column === by ? " ↓" : ""}</span>
                </button>
              </th>
            ))}
            <th scope="col" className={styles.share}>
              Share of self time
            </th>
          </tr>
        </thead>
        <tbody>
          {order.slice(0, LINES_MAX).map((line) => {
            const name = skeleton.names[lines.name[line]!] ?? "";
            const share = lines.selfTotal > 0 ? lines.self[line]! / lines.selfTotal : 0;
            return (
              <tr key={line}>
                <td>
                  <ServiceTick
                    name={skeleton.services[lines.service[line]!] ?? ""}
                    slot={slots[lines.service[line]!]}
                  />
                </td>
                <td className={styles.wide}>
                  <button
                    type="button"
                    className={styles.link}
                    title="Find its spans in the waterfall"
                    onClick={() => setSearch({ find: name, view: undefined })}
                  >
                    <bdi>{visible(name)}</bdi>
                  </button>
                </td>
                <td className={styles.number}>{formatCount(lines.count[line]!)}</td>
                <td className={`${styles.number} ${styles.error}`}>
                  {lines.errors[line]! > 0 && `⬢ ${formatCount(lines.errors[line]!)}`}
                </td>
                <td className={styles.number}>{formatDuration(lines.total[line])}</td>
                <td className={styles.number}>{formatDuration(lines.self[line])}</td>
                <td className={styles.number}>{formatDuration(lines.p50[line])}</td>
                <td className={styles.number}>{formatDuration(lines.p95[line])}</td>
                <td className={styles.number}>
                  <button
                    type="button"
                    className={styles.link}
                    onClick={() => onOpen(lines.slowest[line]!)}
                  >
                    {formatDuration(lines.max[line])}
                  </button>
                </td>
                <td className={styles.share}>
                  <span className={styles.bar} style={{ width: `${share * 100}%` }} />
                  <span>{formatPercent(share)}</span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {order.length > LINES_MAX && (
        <p className={styles.note}>
          The first {LINES_MAX} of {formatCount(order.length)} operations.
        </p>
      )}
    </div>
  );
}
