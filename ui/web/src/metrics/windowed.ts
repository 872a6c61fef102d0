import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

export interface Windowed {
  ref: RefObject<HTMLDivElement | null>;
  /** Rows to draw: from `first` to before `last`. */
  first: number;
  last: number;
  width: number;
  onScroll(): void;
  /** Scrolls so that row `index` is in view. */
  reveal(index: number): void;
}

const OVERSCAN = 4;

/** Which of many rows of one height are on screen in a scrolling box. */
export function useWindowed(rowHeight: number, head = 0): Windowed {
  const ref = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 0, width: 0 });
  const read = useCallback(() => {
    const box = ref.current;
    if (box === null) return;
    const next = { top: box.scrollTop, height: box.clientHeight, width: box.clientWidth };
    setView((old) => (same(old, next) ? old : next));
  }, []);
  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const sizes = new ResizeObserver(read);
    sizes.observe(box);
    return () => sizes.disconnect();
  }, [read]);
  const reveal = useCallback(
    (index: number) => {
      const box = ref.current;
      if (box === null) return;
      const top = index * rowHeight;
      const room = box.clientHeight - head;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + rowHeight > box.scrollTop + room) box.scrollTop = top + rowHeight - room;
    },
    [rowHeight, head],
  );
  return {
    ref,
    first: Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN),
    last: Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN,
    width: view.width,
    onScroll: read,
    reveal,
  };
}

type View = { top: number; height: number; width: number };

function same(a: View, b: View): boolean {
  return a.top === b.top && a.height === b.height && a.width === b.width;
}
