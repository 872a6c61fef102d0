import { type ReactNode, useId } from "react";
import type { Receipt } from "../api/types";
import { Button } from "./Button";
import { cx } from "./cx";
import styles from "./Panel.module.css";
import { ReceiptLine } from "./ReceiptLine";

interface State {
  /** No data yet. */
  loading?: boolean;
  /** The data is of an older question: dimmed until the new one comes. */
  stale?: boolean;
  error?: Error | null;
  onRetry?: () => void;
}

interface Props extends State {
  title?: ReactNode;
  actions?: ReactNode;
  /** Shown instead of the content: `<Empty …/>`. */
  empty?: ReactNode;
  receipt?: Receipt | null | undefined;
  /** Takes the height that is left and scrolls inside. */
  fill?: boolean;
  /** No space around the content. */
  flush?: boolean;
  className?: string | undefined;
  children?: ReactNode;
}

/** A part of a page that loads, fails and is empty on its own. */
export function Panel(props: Props) {
  const { title, actions, receipt, error, loading = false, stale = false } = props;
  const id = useId();
  const has = !loading && props.children !== undefined && props.children !== null;
  return (
    <section
      className={cx(styles.panel, props.fill && styles.fill, props.className)}
      aria-labelledby={title ? id : undefined}
      aria-busy={loading || stale}
    >
      {(title || actions) && (
        <header className={styles.header}>
          {title && <h2 id={id}>{title}</h2>}
          {actions && <div className={styles.actions}>{actions}</div>}
        </header>
      )}
      {(loading || stale) && <div className={styles.progress} />}
      {error && <PanelError error={error} onRetry={props.onRetry} kept={has && !props.empty} />}
      {loading && !error && <p className={styles.loading}>Loading…</p>}
      {has && !(error && props.empty) && (
        <div
          className={cx(styles.content, props.flush && styles.flush)}
          data-stale={stale || undefined}
        >
          {props.empty || props.children}
        </div>
      )}
      {receipt && has && <ReceiptLine receipt={receipt} />}
    </section>
  );
}

interface ErrorProps {
  error: Error & { hint?: string | null };
  onRetry?: (() => void) | undefined;
  kept: boolean;
}

function PanelError({ error, onRetry, kept }: ErrorProps) {
  return (
    <div className={styles.error} role="alert">
      <span className={styles.errorMark} aria-hidden>
        ⬢
      </span>
      <div>
        <p>{error.message}</p>
        {error.hint && <p className={styles.hint}>{error.hint}</p>}
        {kept && <p className={styles.hint}>What is shown is from before.</p>}
      </div>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

interface Asked {
  isPending: boolean;
  isPlaceholderData: boolean;
  error: Error | null;
  refetch(): unknown;
}

/** The state of a query as `Panel` takes it: `<Panel {...panelState(query)}>`. */
export function panelState(query: Asked): State {
  return {
    loading: query.isPending && query.error === null,
    stale: query.isPlaceholderData,
    error: query.error,
    onRetry: () => void query.refetch(),
  };
}
