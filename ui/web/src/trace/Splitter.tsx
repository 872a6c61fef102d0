import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { readSaved, save } from "../kit/saved";
import { follow } from "./pointer";
import styles from "./Splitter.module.css";

interface Props {
  label: string;
  value: number;
  min: number;
  max: number;
  onChange(value: number): void;
  /** px from the left, or from the right, of the box that holds the splitter. */
  left?: number;
  right?: number;
}

const KEY_STEP = 16;

/** A line between two columns that is dragged, or moved by arrow keys. */
export function Splitter({ label, value, min, max, onChange, left, right }: Props) {
  const sign = right === undefined ? 1 : -1;
  const set = (wanted: number) => onChange(Math.round(Math.min(Math.max(min, wanted), max)));
  const onPointerDown = (down: PointerEvent) => {
    if (down.button !== 0) return;
    down.preventDefault();
    follow(down.nativeEvent, (event) => set(value + sign * (event.clientX - down.clientX)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -KEY_STEP, ArrowRight: KEY_STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(value + sign * step);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that moves is a widget, no <hr>
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      className={styles.splitter}
      style={{ left, right: right === undefined ? undefined : right - 9 }}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    />
  );
}

/** A width that this browser remembers. */
export function useSavedWidth(name: string, fallback: number): [number, (width: number) => void] {
  const key = `trace.${name}`;
  const [width, setWidth] = useState(() => readSaved(key, fallback));
  return [
    width,
    (next) => {
      setWidth(next);
      save(key, next);
    },
  ];
}
