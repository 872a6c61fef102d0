import type { ComponentProps, ReactNode } from "react";
import styles from "./Button.module.css";
import { cx } from "./cx";
import { Tooltip } from "./Tooltip";

type Look = "plain" | "primary" | "quiet" | "danger";

interface Props extends ComponentProps<"button"> {
  look?: Look;
  icon?: ReactNode;
}

export function Button({ look = "plain", icon, className, children, type, ...rest }: Props) {
  return (
    <button
      type={type ?? "button"}
      className={cx(styles.button, styles[look], className)}
      data-icon={(icon !== undefined && children === undefined) || undefined}
      {...rest}
    >
      {icon}
      {children}
    </button>
  );
}

interface IconProps extends Omit<Props, "children"> {
  /** Its name, read aloud and shown as a tooltip. */
  label: string;
  icon: ReactNode;
  /** The key that does the same. */
  keys?: string;
}

/** A button of one icon. */
export function IconButton({ label, keys, look = "quiet", ...rest }: IconProps) {
  return (
    <Tooltip text={label} keys={keys}>
      <Button look={look} aria-label={label} {...rest} />
    </Tooltip>
  );
}
