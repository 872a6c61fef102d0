import { Menu as Base } from "@base-ui/react/menu";
import { Check } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import styles from "./Float.module.css";

export interface MenuItem {
  text: ReactNode;
  /** At the end of the row, quieter: a key or a count. */
  detail?: ReactNode;
  icon?: ReactNode;
  disabled?: boolean;
  /** Something that is on or off: a mark says which. */
  checked?: boolean;
  onSelect(): void;
}

interface Props {
  trigger: ReactElement;
  /** null is a line between. */
  items: (MenuItem | null)[];
  align?: "start" | "center" | "end";
}

/** Actions behind one button. */
export function Menu({ trigger, items, align = "start" }: Props) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner align={align} sideOffset={4} className={styles.positioner}>
          <Base.Popup className={styles.float}>
            {items.map((item, index) =>
              item === null ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
                <Base.Separator key={index} className={styles.line} />
              ) : item.checked !== undefined ? (
                <Base.CheckboxItem
                  // biome-ignore lint/suspicious/noArrayIndexKey: items keep their places
                  key={index}
                  className={styles.item}
                  checked={item.checked}
                  onCheckedChange={item.onSelect}
                >
                  <span className={styles.mark}>
                    <Base.CheckboxItemIndicator>
                      <Check size={14} aria-hidden />
                    </Base.CheckboxItemIndicator>
                  </span>
                  <span className={styles.text}>{item.text}</span>
                  {item.detail && <span className={styles.detail}>{item.detail}</span>}
                </Base.CheckboxItem>
              ) : (
                <Base.Item
                  // biome-ignore lint/suspicious/noArrayIndexKey: items keep their places
                  key={index}
                  className={styles.item}
                  disabled={item.disabled ?? false}
                  onClick={item.onSelect}
                >
                  {item.icon}
                  <span className={styles.text}>{item.text}</span>
                  {item.detail && <span className={styles.detail}>{item.detail}</span>}
                </Base.Item>
              ),
            )}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
