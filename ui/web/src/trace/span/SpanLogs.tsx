import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { traceLogsQuery } from "../../api/queries";
import type { LogSummary, Span } from "../../api/types";
import { Empty } from "../../kit/Empty";
import { Panel } from "../../kit/Panel";
import { LogTable } from "../LogTable";
import styles from "./SpanPane.module.css";

/** The trace's logs, of which those of one span are taken. */
export function useSpanLogs(traceId: string, spanId: string, enabled: boolean) {
  const query = useQuery({ ...traceLogsQuery(traceId), enabled });
  const logs = query.data?.logs.filter((log) => log.span_id === spanId) ?? [];
  return { ...query, logs };
}

interface Props {
  query: {
    logs: readonly LogSummary[];
    isPending: boolean;
    error: Error | null;
    refetch(): unknown;
  };
  span: Span;
}

export function SpanLogs({ query, span }: Props) {
  return (
    <Panel
      fill
      flush
      className={styles.bare}
      loading={query.isPending}
      error={query.error}
      onRetry={() => void query.refetch()}
      empty={
        query.logs.length === 0 ? (
          <Empty title="Not among the first logs of the trace" />
        ) : undefined
      }
    >
      <div className={styles.list}>
        <LogTable logs={query.logs} origin={BigInt(span.start)} slots={() => undefined} />
        <p className={styles.note}>
          <Link
            to="/logs"
            search={(old) =>
              ({ ...old, q: `trace:${span.trace_id} span:${span.span_id}` }) as never
            }
          >
            On the logs page
          </Link>
        </p>
      </div>
    </Panel>
  );
}
