import { Link } from "@tanstack/react-router";
import type { Receipt } from "../api/types";
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
