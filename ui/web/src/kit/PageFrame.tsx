import { type ReactNode, useEffect } from "react";
import { cx } from "./cx";
import styles from "./Panel.module.css";

interface Props {
  title: string;
  /** Beside the title. */
  actions?: ReactNode;
  /** The title is read aloud but not shown. */
  bare?: boolean;
  /** The page fills the window and scrolls inside of its panels. */
  fill?: boolean;
  className?: string | undefined;
  children: ReactNode;
}

/** One page: its heading, also in the window's title, and its panels. */
export function PageFrame({ title, actions, bare, fill = false, className, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Oriel`;
  }, [title]);
  return (
    <div className={cx(styles.page, fill && styles.pageFill, className)}>
      {bare ? (
        <h1 className="hidden-text">{title}</h1>
      ) : (
        <header className={styles.pageHeader}>
          <h1>{title}</h1>
          {actions && <div className={styles.actions}>{actions}</div>}
        </header>
      )}
      {children}
    </div>
  );
}
