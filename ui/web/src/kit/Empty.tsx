import type { ReactNode } from "react";
import styles from "./Panel.module.css";

interface Props {
  title: string;
  detail?: ReactNode;
  children?: ReactNode;
}

/** Why there is nothing to see, and what to do about it. */
export function Empty({ title, detail, children }: Props) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{title}</p>
      {detail && <p className={styles.emptyDetail}>{detail}</p>}
      {children && <div className={styles.emptyActions}>{children}</div>}
    </div>
  );
}
