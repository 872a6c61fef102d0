import { ArrowDown, ArrowUp } from "lucide-react";
import { formatCount } from "./format";
import styles from "./NewerPill.module.css";

type Props = {
  count: number;
  /** What is new is at the end of the list. */
  below?: boolean;
  onClick(): void;
};

/** Says that more has come while the reader's place is held; a click goes there. */
export function NewerPill({ count, below, onClick }: Props) {
  const Arrow = below ? ArrowDown : ArrowUp;
  return (
    <div
      className={styles.place}
      data-below={below || undefined}
      role={below ? undefined : "status"}
    >
      {count > 0 && (
        <button type="button" className={styles.pill} onClick={onClick}>
          <Arrow size={14} aria-hidden="true" /> {formatCount(count)} new
        </button>
      )}
    </div>
  );
}
