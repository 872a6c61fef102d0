/** A bar between two parts, moved by pointer or arrow keys; the place is kept in the browser. */
import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { readSaved, save } from "../kit/saved";
import styles from "./Page.module.css";

export interface Split {
  size: number;
  setSize(size: number): void;
}

const SIZE_MIN = 96;
const SIZE_MAX = 900;
const STEP = 24;

export function useSplit(key: string, initial: number): Split {
  const [size, set] = useState(() => bounded(readSaved(key, initial)));
  return {
    size,
    setSize(next) {
      const kept = bounded(next);
      set(kept);
      save(key, kept);
    },
  };
}

function bounded(size: number): number {
  return Math.round(Math.max(SIZE_MIN, Math.min(SIZE_MAX, window.innerHeight - 260, size)));
}

export function Splitter({ split, label }: { split: Split; label: string }) {
  function onKey(event: KeyboardEvent) {
    if (event.key === "ArrowUp") split.setSize(split.size - STEP);
    else if (event.key === "ArrowDown") split.setSize(split.size + STEP);
    else return;
    event.preventDefault();
  }

  function onDown(event: PointerEvent<HTMLElement>) {
    const bar = event.currentTarget;
    const start = event.clientY - split.size;
    bar.setPointerCapture(event.pointerId);
    const onMove = (move: globalThis.PointerEvent) => split.setSize(move.clientY - start);
    bar.addEventListener("pointermove", onMove);
    bar.addEventListener(
      "lostpointercapture",
      () => bar.removeEventListener("pointermove", onMove),
      { once: true },
    );
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: an <hr> takes no keys
    <div
      role="separator"
      className={styles.splitter}
      aria-orientation="horizontal"
      aria-label={label}
      aria-valuenow={split.size}
      aria-valuemin={SIZE_MIN}
      aria-valuemax={SIZE_MAX}
      tabIndex={0}
      onKeyDown={onKey}
      onPointerDown={onDown}
    />
  );
}
