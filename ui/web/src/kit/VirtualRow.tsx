/** One row of `VirtualRows` at its place; where rows differ in height, it says how high it is. */
import { type ReactNode, useLayoutEffect, useRef } from "react";
import styles from "./VirtualRows.module.css";

type RowProps = {
  index: number;
  top: number;
  height: number;
  measured: boolean;
  onResize(index: number, height: number): void;
  children: ReactNode;
};

export function VirtualRow({ index, top, height, measured, onResize, children }: RowProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!measured || !element.current) {
      onResize(index, height);
      return;
    }
    const row = element.current;
    const measure = () => onResize(index, Math.max(height, row.offsetHeight));
    measure();
    const sizes = new ResizeObserver(measure);
    sizes.observe(row);
    return () => sizes.disconnect();
  }, [measured, index, height, onResize]);
  return (
    <div
      ref={element}
      className={styles.row}
      data-index={index}
      data-measured={measured || undefined}
      style={{ transform: `translateY(${top}px)`, height: measured ? undefined : height }}
    >
      {children}
    </div>
  );
}
