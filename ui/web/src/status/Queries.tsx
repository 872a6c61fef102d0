/** Queries that run now; each can be stopped. */
import { Square } from "lucide-react";
import { useState } from "react";
import { remove } from "../api/client";
import type { RunningQuery } from "../api/types";
import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { formatBytes, formatCompact, formatDuration, visible } from "../kit/format";
import styles from "./Page.module.css";

type Props = { queries: RunningQuery[]; onStopped(): void };

export function Queries({ queries, onStopped }: Props) {
  if (queries.length === 0) return <Empty title="No query runs" />;
  return (
    <ul className={styles.queries}>
      {queries.map((query) => (
        <Query key={query.id} query={query} onStopped={onStopped} />
      ))}
    </ul>
  );
}

function Query({ query, onStopped }: { query: RunningQuery; onStopped(): void }) {
  const [failed, setFailed] = useState<string | null>(null);
  const { id, sql, state, rows_read, bytes_read, files_done, files_total, elapsed_ms } = query;

  async function stop() {
    try {
      await remove(`queries/${encodeURIComponent(id)}`);
      onStopped();
    } catch (error) {
      setFailed(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <li>
      <div>
        <code title={sql}>{visible(sql.slice(0, 400))}</code>
        <p className={styles.quiet}>
          {state === "waiting" ? "waiting for a place" : "running"} for{" "}
          {formatDuration(elapsed_ms * 1e6)} · {formatCompact(rows_read)} rows ·{" "}
          {formatBytes(bytes_read)} · {files_done} of {files_total} files
          {failed !== null && <strong role="alert"> · {failed}</strong>}
        </p>
        <progress aria-label="Files read" value={files_done} max={Math.max(1, files_total)} />
      </div>
      <Button icon={<Square size={12} aria-hidden />} onClick={() => void stop()}>
        Stop
      </Button>
    </li>
  );
}
