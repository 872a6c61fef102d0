import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";
import styles from "./Input.module.css";

interface Props extends ComponentProps<"input"> {
  /** Its name; read aloud, not shown. */
  label: string;
  icon?: ReactNode;
  mono?: boolean;
}

/** A field of one line. */
export function Input({ label, icon, mono = false, className, ...rest }: Props) {
  return (
    <span className={cx(styles.field, mono && styles.mono, className)}>
      {icon}
      <input aria-label={label} spellCheck={false} autoComplete="off" {...rest} />
    </span>
  );
}
