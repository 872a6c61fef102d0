import { Link } from "@tanstack/react-router";
import type { IndexUse, Receipt } from "../api/types";
import { formatBytes, formatCompact, formatDuration } from "./format";
import styles from "./Panel.module.css";

/** What the answer above cost, and the SQL behind it. */
export function ReceiptLine({ receipt }: { receipt: Receipt }) {
  const elapsed = (receipt.plan_ms + receipt.execution_ms) * 1e6;
  const sql = receipt.sql?.join(";\n\n");
  return (
    <footer className={styles.receipt} data-receipt="">
      <span>{formatCompact(receipt.rows_read)} rows read</span>
      <span>{formatBytes(receipt.bytes_read)}</span>
      {receipt.files_considered > 0 && (
        <span>
          {receipt.files_considered - receipt.files_pruned} of {receipt.files_considered} files
        </span>
      )}
      {receipt.index && <IndexUsed used={receipt.index} />}
      <span>{formatDuration(elapsed)}</span>
      {!receipt.complete && <strong className={styles.partial}>▲ partial answer</strong>}
      {receipt.truncated && <strong className={styles.partial}>▲ cut at a limit</strong>}
      {sql && (
        <Link to="/sql" search={(old) => ({ ...old, sql }) as never} className={styles.sql}>
          SQL
        </Link>
      )}
    </footer>
  );
}

/** How much of the answer came by word indexes, and how many files had to be read as a whole. */
function IndexUsed({ used }: { used: IndexUse }) {
  const whole = used.parts_common + used.parts_unindexed;
  const all = used.parts + whole;
  if (all === 0) return null;
  const title = [
    `${formatCompact(used.rows)} rows named by word indexes`,
    `${used.parts_skipped} files without any such row`,
    `${used.parts_common} files read whole: the words are too frequent there`,
    `${used.parts_unindexed} files read whole: they have no index yet`,
  ].join("\n");
  return (
    <span title={title}>
      word index for {used.parts} of {all} files
    </span>
  );
}
