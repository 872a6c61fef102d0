// biome-ignore-all lint/a11y/useSemanticElements: a grid of absolute rows cannot be a <table>
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus, aria-activedescendant names the cell
/** The rows of an answer as a grid of which only the rows on screen are in the document. */
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { Column } from "../api/types";
import { visible } from "../kit/format";
import styles from "./ResultTable.module.css";
import {
  columnWidths,
  kindOf,
  linkOf,
  nextSort,
  type Sort,
  sortedOrder,
  valueText,
} from "./result";
import type { Value } from "./stream";
import { TraceLink } from "./TraceLink";

export interface CellAt {
  /** Place in the order shown. */
  row: number;
  column: number;
}

type Props = {
  columns: Column[];
  rows: Value[][];
  count: number;
  /** Rows still come in: then they keep the order in which they come. */
  running: boolean;
  onOpen(row: Value[], column: number): void;
  onCopy(text: string, what: string): void;
};

const ROW = 24;
const OVERSCAN = 12;
const SHOWN_CHARACTERS = 320;

export function ResultTable({ columns, rows, count, running, onOpen, onCopy }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const [sort, setSort] = useState<Sort | null>(null);
  const [active, setActive] = useState<CellAt>({ row: 0, column: 0 });

  // The sample fixes the widths, so they stay while rows stream in.
  const sampled = Math.min(count, 200);
  const widths = useMemo(
    () => columnWidths(columns, rows.slice(0, sampled)),
    [columns, rows, sampled],
  );
  const template = `calc(${String(count).length}ch + 24px) ${widths.map((ch) => `calc(${ch}ch + 17px)`).join(" ")} 1fr`;
  const order = useMemo(
    () => (sort === null || running ? null : sortedOrder(rows.slice(0, count), columns, sort)),
    [rows, count, columns, sort, running],
  );
  const rowAt = useCallback((at: number) => rows[order?.[at] ?? at] ?? [], [rows, order]);

  const read = useCallback(() => {
    const element = scroller.current;
    if (element !== null) setView({ top: element.scrollTop, height: element.clientHeight });
  }, []);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const sizes = new ResizeObserver(read);
    sizes.observe(element);
    return () => sizes.disconnect();
  }, [read]);

  // Another answer begins at its head.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the columns are the answer's identity
  useLayoutEffect(() => {
    scroller.current?.scrollTo({ top: 0, left: 0 });
    setSort(null);
    setActive({ row: 0, column: 0 });
  }, [columns]);

  function move(row: number, column: number) {
    const next = {
      row: Math.max(0, Math.min(count - 1, row)),
      column: Math.max(0, Math.min(columns.length - 1, column)),
    };
    setActive(next);
    const element = scroller.current;
    if (element === null) return;
    const top = next.row * ROW;
    const room = element.clientHeight - ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + room) element.scrollTop = top + ROW - room;
    requestAnimationFrame(() => {
      element
        .querySelector(`[data-at="${next.row}:${next.column}"]`)
        ?.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  }

  function onKey(event: KeyboardEvent) {
    const { row, column } = active;
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const copies = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "c";
    if ((event.ctrlKey || event.metaKey || event.altKey) && !copies) {
      if (event.key === "Home") move(0, 0);
      else if (event.key === "End") move(count - 1, columns.length - 1);
      else return;
    } else if (copies || event.key === "c") {
      if (copies && !(document.getSelection()?.isCollapsed ?? true)) return;
      onCopy(valueText(rowAt(row)[column]), "value");
    } else if (event.key === "C") {
      const pairs = columns.map((each, index) => [each.name, rowAt(row)[index] ?? null]);
      onCopy(JSON.stringify(Object.fromEntries(pairs)), "row as JSON");
    } else if (event.key === "Enter") onOpen(rowAt(row), column);
    else {
      const to = moved(event.key, row, column, page, columns.length);
      if (to === null) return;
      move(to.row, to.column);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function onPress(event: MouseEvent) {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset["at"];
    if (at === undefined) return;
    const [row = 0, column = 0] = at.split(":").map(Number);
    setActive({ row, column });
    if (event.detail !== 2) return;
    document.getSelection()?.removeAllRanges();
    onOpen(rowAt(row), column);
  }

  const first = Math.max(0, Math.floor(view.top / ROW) - OVERSCAN);
  const last = Math.min(count, Math.ceil((view.top + view.height) / ROW) + OVERSCAN);
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="grid"
      aria-label="Result"
      aria-rowcount={count + 1}
      aria-colcount={columns.length}
      aria-activedescendant={count > 0 ? `cell-${active.row}-${active.column}` : undefined}
      tabIndex={0}
      onScroll={read}
      onKeyDown={onKey}
      onClick={onPress}
    >
      <div
        className={styles.head}
        role="row"
        style={{ gridTemplateColumns: template }}
        aria-rowindex={1}
      >
        <span className={styles.number} aria-hidden="true" />
        {columns.map((column, index) => {
          const sorted = sort?.column === index && !running ? sort : null;
          const state = sorted === null ? "none" : sorted.descending ? "descending" : "ascending";
          return (
            <div
              key={column.name}
              role="columnheader"
              aria-sort={state}
              data-kind={kindOf(column.type)}
            >
              <button
                type="button"
                tabIndex={-1}
                title={`${column.name} · ${column.type}`}
                onClick={() => setSort(nextSort(sort, index))}
              >
                <bdi>{visible(column.name)}</bdi>
                <span className={styles.type}>
                  {sorted === null ? column.type : sorted.descending ? "▼" : "▲"}
                </span>
              </button>
            </div>
          );
        })}
      </div>
      <div role="rowgroup" style={{ height: count * ROW, position: "relative" }}>
        {shown.map((at) => (
          <Row
            key={at}
            at={at}
            row={rowAt(at)}
            columns={columns}
            template={template}
            active={active.row === at ? active.column : -1}
          />
        ))}
      </div>
    </div>
  );
}

/** Where an arrow or page key leads. */
function moved(
  key: string,
  row: number,
  column: number,
  page: number,
  columns: number,
): CellAt | null {
  switch (key) {
    case "ArrowDown":
    case "j":
      return { row: row + 1, column };
    case "ArrowUp":
    case "k":
      return { row: row - 1, column };
    case "ArrowLeft":
      return { row, column: column - 1 };
    case "ArrowRight":
      return { row, column: column + 1 };
    case "PageDown":
      return { row: row + page, column };
    case "PageUp":
      return { row: row - page, column };
    case "Home":
      return { row, column: 0 };
    case "End":
      return { row, column: columns - 1 };
    default:
      return null;
  }
}

type RowProps = { at: number; row: Value[]; columns: Column[]; template: string; active: number };

const Row = memo(function Row({ at, row, columns, template, active }: RowProps) {
  return (
    <div
      className={styles.row}
      role="row"
      aria-rowindex={at + 2}
      style={{ top: at * ROW, gridTemplateColumns: template }}
      data-odd={at % 2 === 1 || undefined}
    >
      <span className={styles.number} aria-hidden="true">
        {at + 1}
      </span>
      {columns.map((column, index) => (
        <div
          key={column.name}
          id={`cell-${at}-${index}`}
          role="gridcell"
          tabIndex={-1}
          data-at={`${at}:${index}`}
          data-kind={kindOf(column.type)}
          aria-colindex={index + 1}
          aria-selected={active === index || undefined}
        >
          <Cell columns={columns} row={row} index={index} />
        </div>
      ))}
    </div>
  );
});

function Cell({ columns, row, index }: { columns: Column[]; row: Value[]; index: number }) {
  const value = row[index];
  if (value === null || value === undefined) return <span className={styles.null}>NULL</span>;
  const text = valueText(value);
  const link = linkOf(columns, row, index);
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  if (link !== null) return <TraceLink trace={link.trace} span={link.span} text={text} />;
  return <bdi>{visible(cut)}</bdi>;
}
