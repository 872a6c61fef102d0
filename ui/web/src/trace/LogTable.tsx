import { Link } from "@tanstack/react-router";
import type { CSSProperties } from "react";
import type { LogSummary } from "../api/types";
import { formatDuration, visible } from "../kit/format";
import { ServiceTick, Time } from "../kit/Values";
import { levelOf } from "./levels";
import styles from "./Table.module.css";

interface Props {
  logs: readonly LogSummary[];
  /** Unix ns from which offsets are counted. */
  origin: bigint;
  slots: (service: string) => number | undefined;
  /** Span ids that can be opened; without it the spans are not named. */
  span?: { has(id: string): boolean; open(id: string): void };
}

/** Log records, oldest first; each leads to its own page. */
export function LogTable({ logs, origin, slots, span }: Props) {
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col" className={styles.number}>
            After
          </th>
          <th scope="col">Time</th>
          <th scope="col">Level</th>
          {span && <th scope="col">Service</th>}
          <th scope="col">Body</th>
          {span && <th scope="col">Span</th>}
        </tr>
      </thead>
      <tbody>
        {logs.map((log) => (
          <tr key={log.id}>
            <td className={styles.number}>{formatDuration(BigInt(log.time) - origin)}</td>
            <td className={styles.text}>
              <Time nanos={log.time} />
            </td>
            <td className={styles.text}>
              <Level number={log.severity_number} text={log.severity_text} />
            </td>
            {span && (
              <td className={styles.text}>
                <ServiceTick name={log.service} slot={slots(log.service)} />
              </td>
            )}
            <td
              className={`${styles.body} ${styles.text}`}
              title={visible((log.body ?? "").slice(0, 1000))}
            >
              <Link
                to="/logs"
                search={(old) =>
                  ({
                    ...old,
                    q: log.trace_id ? `trace:${log.trace_id}` : undefined,
                    row: log.id,
                  }) as never
                }
              >
                <bdi>{visible((log.body ?? "").slice(0, 400)) || "(no body)"}</bdi>
              </Link>
            </td>
            {span && (
              <td className={styles.text}>
                {log.span_id && span.has(log.span_id) && (
                  <button
                    type="button"
                    className={styles.link}
                    onClick={() => span.open(log.span_id ?? "")}
                  >
                    {log.span_id.slice(0, 8)}
                  </button>
                )}
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Level({ number, text }: { number: number; text: string | null }) {
  const level = levelOf(number);
  return (
    <span className={styles.level} style={{ "--level": `var(--level-${level})` } as CSSProperties}>
      {text ? visible(text.slice(0, 12)) : level}
    </span>
  );
}
