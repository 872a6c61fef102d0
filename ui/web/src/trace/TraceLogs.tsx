import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { traceLogsQuery } from "../api/queries";
import { Empty } from "../kit/Empty";
import { formatCount } from "../kit/format";
import { Panel, panelState } from "../kit/Panel";
import { LogTable } from "./LogTable";
import pageStyles from "./Page.module.css";
import type { Trace } from "./session";
import { rowOfReference } from "./skeleton";
import styles from "./Table.module.css";

interface Props {
  id: string;
  trace: Trace;
  slots: readonly number[];
  onOpen(span: string): void;
}

/** The log records that name this trace. */
export function TraceLogs({ id, trace, slots, onOpen }: Props) {
  const query = useQuery(traceLogsQuery(id));
  const { skeleton } = trace.opened;
  const logs = query.data?.logs ?? [];
  const total = query.data?.total ?? 0;
  return (
    <Panel
      {...panelState(query)}
      fill
      flush
      className={pageStyles.flush}
      receipt={query.data?.receipt}
      empty={
        query.data && logs.length === 0 ? (
          <Empty
            title="No log names this trace"
            detail="A log record belongs to a trace when it carries its trace id."
          />
        ) : undefined
      }
    >
      <div className={styles.scroller}>
        <LogTable
          logs={logs}
          origin={skeleton.traceStart}
          slots={(service) => slots[skeleton.services.indexOf(service)]}
          span={{ has: (span) => rowOfReference(skeleton, span) >= 0, open: onOpen }}
        />
        {total > logs.length && (
          <p className={styles.note}>
            The first {formatCount(logs.length)} of {formatCount(total)}.{" "}
            <Link to="/logs" search={(old) => ({ ...old, q: `trace:${id}` }) as never}>
              All on the logs page
            </Link>
          </p>
        )}
      </div>
    </Panel>
  );
}
