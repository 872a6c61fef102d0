import { Select as Base } from "@base-ui/react/select";
import { Check, ChevronDown } from "lucide-react";
import styles from "./Float.module.css";

export interface Choice<T extends string> {
  value: T;
  text: string;
  detail?: string;
}

interface Props<T extends string> {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChange(value: T): void;
  /** Shown before the value: `Sort: newest`. */
  prefix?: string;
}

/** One of several values. */
export function Select<T extends string>({ label, value, choices, onChange, prefix }: Props<T>) {
  const items = choices.map((choice) => ({ value: choice.value, label: choice.text }));
  const shown = choices.find((choice) => choice.value === value)?.text ?? value;
  const spoken = `${label}: ${prefix ? `${prefix} ` : ""}${shown}`;
  return (
    <Base.Root
      items={items}
      value={value}
      onValueChange={(next) => {
        if (next !== null) onChange(next as T);
      }}
    >
      <Base.Trigger className={styles.select} aria-label={spoken}>
        {prefix && <span className={styles.detail}>{prefix}</span>}
        <Base.Value />
        <ChevronDown size={14} aria-hidden />
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} alignItemWithTrigger={false} className={styles.positioner}>
          <Base.Popup className={styles.float}>
            <Base.List>
              {choices.map((choice) => (
                <Base.Item key={choice.value} value={choice.value} className={styles.item}>
                  <span className={styles.mark}>
                    <Base.ItemIndicator>
                      <Check size={14} aria-hidden />
                    </Base.ItemIndicator>
                  </span>
                  <Base.ItemText className={styles.text}>{choice.text}</Base.ItemText>
                  {choice.detail && <span className={styles.detail}>{choice.detail}</span>}
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
