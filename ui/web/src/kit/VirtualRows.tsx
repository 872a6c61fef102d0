/**
 * A long list of which only the rows on screen are in the document.
 *
 * Rows have one height, or their own where `measured` says so (open or wrapped rows). What the
 * reader looks at stays in place when heights above it change. Each row has one control marked
 * `data-main` (a link or a button): arrows, Page, Home and End move between those.
 */
import {
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "react";
import { RowGroup } from "./Cells";
import { Heights } from "./heights";
import { VirtualRow } from "./VirtualRow";
import styles from "./VirtualRows.module.css";

/** Rows drawn above and below the visible ones, so that a scrolled frame is never empty. */
const OVERSCAN = 8;
/** From this row on the start is near. */
const NEAR_START = 4;

export type RowsHandle = {
  toTop(): void;
  /** Brings a row into view and gives it the focus. */
  focus(index: number): void;
  /** Moves the focus by rows; from elsewhere to the row that had it last, or the first in view. */
  step(by: number): void;
  /** Brings a row into view. */
  reveal(index: number): void;
};

/** Pixels scrolled, and the rows on screen. */
export type RowsView = { top: number; first: number; last: number };

type Props = {
  label: string;
  count: number;
  rowHeight: number;
  /** Another value is another list: heights are forgotten and it begins at the top. */
  listKey: string;
  /** Another value is another layout of the same list: it stays at the row on top. */
  layoutKey?: string;
  rowKey(index: number): string;
  row(index: number, tabIndex: 0 | -1): ReactNode;
  measured(index: number): boolean;
  onView?(view: RowsView): void;
  /** Called when the last rows come near. */
  onNearEnd(): void;
  /** Where to begin, in pixels: a place that was left before. */
  startTop?: number;
  /** Which row to begin at, in the middle; wins over `startTop`. */
  startRow?: number;
  /** Number of the first row; it falls when rows are put in front and rises when they go. */
  base?: number;
  /** Stays at the end while rows are added there. */
  follow?: boolean;
  /** The reader scrolled away from the end (false) or back to it (true). */
  onFollow?(follow: boolean): void;
  /** Called when the first rows come near. */
  onNearStart?(): void;
  /** Below this width the list scrolls sideways. */
  minWidth?: number;
  header?: ReactNode;
  footer?: ReactNode;
  /** Number of rows that exist, of which `count` are here. */
  total: number;
  /** The rows are of the list before: where they are scrolled says nothing of this one. */
  stale?: boolean;
  ref?: Ref<RowsHandle>;
};

export function VirtualRows(props: Props) {
  const {
    count,
    rowHeight,
    listKey,
    layoutKey,
    measured,
    stale = false,
    onView,
    onNearEnd,
  } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const heights = useMemo(() => {
    void listKey;
    void layoutKey;
    return new Heights(rowHeight);
  }, [listKey, layoutKey, rowHeight]);
  const came = heights.rebase(props.base ?? 0);
  heights.grow(count);
  const [view, setView] = useState({ top: props.startTop ?? 0, height: 600 });
  const [active, setActive] = useState(0);
  const [, changed] = useReducer((n: number) => n + 1, 0);
  const wanted = useRef(-1);

  const viewTop = view.top + heights.moved;
  const first = Math.max(0, heights.at(viewTop) - OVERSCAN);
  const last = Math.min(count - 1, heights.at(viewTop + view.height) + OVERSCAN);
  if (came !== 0) setActive(Math.max(0, active + came));

  const scrolledTo = useRef(0);
  const read = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    scrolledTo.current = element.scrollTop;
    const next = { top: element.scrollTop, height: element.clientHeight };
    setView((old) => (old.top === next.top && old.height === next.height ? old : next));
  }, []);

  // Another list begins where it was left or at the top; another layout of the same one stays at
  // the row that was on top. Both once there are rows to stand on.
  const shown = useRef<{ list: string; heights: Heights } | null>(null);
  const onTop = useRef(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    const before = shown.current;
    if (!element || count === 0 || before?.heights === heights) return;
    const same = before?.list === listKey;
    const { startRow, startTop = 0 } = props;
    const middle = (row: number) =>
      heights.offset(row) - Math.max(0, (element.clientHeight - stickyHeight(element)) / 2);
    const start = startRow === undefined ? startTop : middle(startRow);
    element.scrollTop = same ? heights.offset(onTop.current) : start;
    heights.moved = 0;
    if (!same) setActive(0);
    shown.current = { list: listKey, heights };
    read();
  });

  // What is looked at stays where it is when rows come or go in front; a list that is followed
  // shows its end.
  const { follow = false } = props;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || (heights.moved === 0 && !follow)) return;
    const top = follow ? element.scrollHeight : element.scrollTop + heights.moved;
    heights.moved = 0;
    if (follow && element.scrollTop + element.clientHeight >= element.scrollHeight) return;
    element.scrollTop = top;
    read();
  });

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const sizes = new ResizeObserver(read);
    sizes.observe(element);
    return () => sizes.disconnect();
  }, [read]);

  const topRow = heights.at(viewTop);
  const bottomRow = Math.min(count - 1, heights.at(viewTop + view.height - 1));
  useEffect(() => {
    if (shown.current === null || stale) return;
    onTop.current = topRow;
    onView?.({ top: view.top, first: topRow, last: bottomRow });
  }, [view.top, topRow, bottomRow, onView, stale]);

  const reachable = active >= first && active <= last ? active : Math.max(0, topRow);
  const near = count > 0 && bottomRow + Math.ceil((2 * view.height) / rowHeight) >= count;
  useEffect(() => {
    if (near && count > 0) onNearEnd();
  }, [near, count, onNearEnd]);
  const nearStart = count > 0 && shown.current !== null && topRow < NEAR_START;
  const { onNearStart } = props;
  useEffect(() => {
    if (nearStart && count > 0) onNearStart?.();
  }, [nearStart, count, onNearStart]);

  const resize = useCallback(
    (index: number, height: number) => {
      const element = scroller.current;
      const above = heights.offset(index + 1) <= (element?.scrollTop ?? 0);
      const change = heights.set(index, height);
      if (change === 0) return;
      if (above && element) {
        element.scrollTop += change;
        scrolledTo.current = element.scrollTop;
      }
      changed();
    },
    [heights],
  );

  const reveal = useCallback(
    (index: number) => {
      const element = scroller.current;
      if (!element || index < 0) return;
      const head = heights.offset(index);
      const room = element.clientHeight - stickyHeight(element);
      const foot = head + Math.min(heights.height(index), room);
      if (head < element.scrollTop) element.scrollTop = head;
      else if (foot > element.scrollTop + room) element.scrollTop = foot - room;
      read();
    },
    [heights, read],
  );

  const focus = useCallback(
    (index: number) => {
      wanted.current = index;
      setActive(index);
      reveal(index);
      changed();
    },
    [reveal],
  );

  // The row that was asked for exists only after it was scrolled to and drawn.
  useLayoutEffect(() => {
    if (wanted.current < 0) return;
    const control = scroller.current?.querySelector<HTMLElement>(
      `[data-index="${wanted.current}"] [data-main]`,
    );
    if (!control) return;
    wanted.current = -1;
    control.focus({ preventScroll: true });
  });

  useImperativeHandle(
    props.ref,
    () => ({
      toTop() {
        scroller.current?.scrollTo({ top: 0 });
        read();
      },
      focus,
      step(by) {
        if (count === 0) return;
        const inside = scroller.current?.contains(document.activeElement);
        focus(inside ? Math.max(0, Math.min(count - 1, active + by)) : reachable);
      },
      reveal,
    }),
    [read, focus, reveal, count, active, reachable],
  );

  function onScroll() {
    const element = scroller.current;
    if (element && props.onFollow) {
      const left = element.scrollHeight - element.clientHeight - element.scrollTop;
      if (left < rowHeight / 2) props.onFollow(true);
      else if (element.scrollTop < scrolledTo.current) props.onFollow(false);
    }
    read();
  }

  function onKey(event: KeyboardEvent) {
    const control = (event.target as HTMLElement).closest("[data-main]");
    if (!control || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 2);
    const next = movedBy(event.key, active, page, count);
    if (next === null) return;
    event.preventDefault();
    focus(Math.max(0, Math.min(count - 1, next)));
  }

  const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys that bubble from the rows' controls
    <div
      ref={scroller}
      className={styles.scroller}
      onScroll={onScroll}
      onKeyDown={onKey}
      onFocus={(event) => {
        const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
        if (row) setActive(Number(row.dataset["index"]));
      }}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: rows stand at computed places */}
      <div
        role="table"
        aria-label={props.label}
        aria-rowcount={props.total + 1}
        style={{ minWidth: props.minWidth }}
      >
        {props.header}
        <RowGroup className={styles.body} style={{ height: heights.total }}>
          {indexes.map((index) => (
            <VirtualRow
              key={props.rowKey(index)}
              index={index}
              top={heights.offset(index)}
              height={rowHeight}
              measured={measured(index)}
              onResize={resize}
            >
              {props.row(index, index === reachable ? 0 : -1)}
            </VirtualRow>
          ))}
        </RowGroup>
      </div>
      {props.footer}
    </div>
  );
}

function movedBy(key: string, from: number, page: number, count: number): number | null {
  if (key === "ArrowDown") return from + 1;
  if (key === "ArrowUp") return from - 1;
  if (key === "PageDown") return from + page;
  if (key === "PageUp") return from - page;
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}

/** How much of the scroller a sticky header covers. */
function stickyHeight(scroller: HTMLElement): number {
  return scroller.querySelector<HTMLElement>("[data-sticky]")?.offsetHeight ?? 0;
}
