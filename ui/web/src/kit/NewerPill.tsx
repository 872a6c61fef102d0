import { ArrowUp } from "lucide-react";
import { formatCount } from "./format";
import styles from "./NewerPill.module.css";

/** Says that more has come while the reader's place is held; a click goes there. */
export function NewerPill({ count, onClick }: { count: number; onClick(): void }) {
  return (
    <div className={styles.place} role="status">
      {count > 0 && (
        <button type="button" className={styles.pill} onClick={onClick}>
          <ArrowUp size={14} aria-hidden="true" /> {formatCount(count)} new
        </button>
      )}
    </div>
  );
}
