/** A canvas of cells within the page: made once, told what to show, named for screen readers. */
import { useEffect, useRef, useState } from "react";
import styles from "./GridChart.module.css";
import type { Box, Cell } from "./gridbrush";
import type { GridCanvas, GridHandlers } from "./gridcanvas";

type Props<Chart extends GridCanvas> = {
  make(canvas: HTMLCanvasElement, handlers: GridHandlers): Chart;
  /** Tells the chart what to show; called after each render. */
  show(chart: Chart): void;
  label: string;
  height: number;
  /** What is known of the cell under the pointer, in words. */
  describe(cell: Cell): string;
  onBox(box: Box): void;
  onEscape?(): void;
  onEnter?(): void;
  dimmed?: boolean;
};

export function GridChart<Chart extends GridCanvas>(props: Props<Chart>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart>(null);
  const latest = useRef(props);
  const [tip, setTip] = useState<{ text: string; x: number; y: number; right: boolean } | null>(
    null,
  );

  useEffect(() => {
    latest.current = props;
    if (chart.current) props.show(chart.current);
  });

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const made = latest.current.make(element, {
      onHover(at) {
        if (!at) return setTip(null);
        const right = at.x > element.clientWidth / 2;
        setTip({ text: latest.current.describe(at.cell), x: at.x, y: at.y, right });
      },
      onBox: (box) => latest.current.onBox(box),
      onEscape: () => latest.current.onEscape?.(),
      onEnter: () => latest.current.onEnter?.(),
    });
    chart.current = made;
    latest.current.show(made);
    return () => made.destroy();
  }, []);

  return (
    <div className={styles.chart} data-dimmed={props.dimmed || undefined}>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it has its own keys */}
      <canvas
        ref={canvas}
        className={styles.canvas}
        style={{ height: props.height }}
        tabIndex={0}
        role="application"
        aria-label={`${props.label}. Arrow keys move, Space sets a corner of a box, Escape ends.`}
      />
      <div className={styles.live} aria-live="polite">
        {tip && (
          <p
            className={styles.tip}
            data-right={tip.right || undefined}
            style={{ left: tip.x, top: tip.y }}
          >
            {tip.text}
          </p>
        )}
      </div>
    </div>
  );
}
