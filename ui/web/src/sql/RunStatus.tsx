/** How the run goes: a line beside the buttons, read aloud when it ends. */
import { useEffect, useState } from "react";
import { formatBytes, formatCompact, formatCount, formatDuration, plural } from "../kit/format";
import styles from "./Page.module.css";
import type { Run } from "./run";

export function RunStatus({ run }: { run: Run | null }) {
  return (
    <p className={styles.status} data-phase={run?.phase}>
      {run?.phase === "running" ? <Running run={run} /> : null}
      <span aria-live="polite">{run === null || run.phase === "running" ? "" : ended(run)}</span>
    </p>
  );
}

function Running({ run }: { run: Run }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 100);
    return () => clearInterval(timer);
  }, []);
  const { progress } = run;
  const parts = [
    formatDuration((performance.now() - run.startedAt) * 1e6),
    progress?.state === "waiting" ? "waiting for a place" : null,
    progress === null ? null : `${formatCompact(progress.rows_read)} rows read`,
    progress === null ? null : formatBytes(progress.bytes_read),
    progress === null || progress.files_total === 0
      ? null
      : `${progress.files_done} of ${progress.files_total} files`,
    run.count > 0 ? `${formatCount(run.count)} rows here` : null,
  ];
  const share =
    progress !== null && progress.files_total > 0
      ? progress.files_done / progress.files_total
      : null;
  return (
    <>
      {share === null ? (
        <progress aria-label="Running" />
      ) : (
        <progress aria-label="Files read" value={share} />
      )}
      {parts.filter(Boolean).join(" · ")}
    </>
  );
}

function ended(run: Run): string {
  const took = formatDuration(run.elapsedMs * 1e6);
  if (run.phase === "stopped")
    return `Stopped after ${took}${run.count > 0 ? `, ${plural(run.count, "row")} came before` : ""}`;
  if (run.phase === "failed")
    return run.count > 0 ? `Broke off after ${plural(run.count, "row")}` : `Failed after ${took}`;
  if (run.capped)
    return `The first ${formatCount(run.count)} rows: this page holds no more; Export fetches all`;
  return `${plural(run.count, "row")} in ${took}`;
}
