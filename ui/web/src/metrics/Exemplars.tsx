/** Single measurements that name the trace they were taken in. */
import { Link } from "@tanstack/react-router";
import type { Exemplar } from "../api/types";
import { Empty } from "../kit/Empty";
import { plural } from "../kit/format";
import { Panel } from "../kit/Panel";
import { Time } from "../kit/Values";
import styles from "./Detail.module.css";
import { withUnit } from "./unit";

const SHOWN = 50;

export function Exemplars({ exemplars, unit }: { exemplars: Exemplar[]; unit: string | null }) {
  const greatest = exemplars.toSorted((a, b) => (b.value ?? 0) - (a.value ?? 0)).slice(0, SHOWN);
  return (
    <Panel
      title="Exemplars"
      flush
      actions={
        <span className={styles.quiet}>
          {exemplars.length > 0 &&
            plural(exemplars.length, "measurement with a trace", "measurements with a trace")}
        </span>
      }
      empty={
        exemplars.length === 0 && (
          <Empty
            title="No exemplars"
            detail="SDKs attach a trace to some measurements when they are made inside of a sampled span."
          />
        )
      }
    >
      <table className={styles.exemplars}>
        <thead>
          <tr>
            <th scope="col">Value</th>
            <th scope="col">Time</th>
            <th scope="col">Trace</th>
          </tr>
        </thead>
        <tbody>
          {greatest.map((exemplar) => (
            <tr key={`${exemplar.time} ${exemplar.span_id} ${exemplar.value}`}>
              <td title={String(exemplar.value)}>{withUnit(exemplar.value, unit ?? "")}</td>
              <td>
                <Time nanos={exemplar.time} />
              </td>
              <td>
                <Link
                  to="/traces/$id"
                  params={{ id: exemplar.trace_id }}
                  search={(exemplar.span_id === null ? {} : { span: exemplar.span_id }) as never}
                >
                  <code>{exemplar.trace_id.slice(0, 16)}…</code>
                </Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
