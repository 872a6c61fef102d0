import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./Button";
import { cx } from "./cx";
import styles from "./Float.module.css";

interface Props {
  title: string;
  open: boolean;
  onClose(): void;
  /** The title is read aloud but not shown. */
  bare?: boolean;
  className?: string | undefined;
  children: ReactNode;
}

/** A layer over the page that keeps the focus until it is closed. */
export function Dialog({ title, open, onClose, bare = false, className, children }: Props) {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className={styles.backdrop} />
        <Base.Popup className={cx(styles.dialog, className)}>
          {bare ? (
            <Base.Title className="hidden-text">{title}</Base.Title>
          ) : (
            <header className={styles.header}>
              <Base.Title>{title}</Base.Title>
              <Base.Close
                render={
                  <Button look="quiet" aria-label="Close" icon={<X size={16} aria-hidden />} />
                }
              />
            </header>
          )}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
