/** Names of the columns; those that were chosen can be moved, made wider and taken away. */
import { ChevronDown } from "lucide-react";
import { type PointerEvent, useRef, useState } from "react";
import { HeadCell, Row, RowGroup } from "../kit/Cells";
import { visible } from "../kit/format";
import { Menu } from "../kit/Menu";
import { type Column, moved, resized, toggled, WIDTH_STEP } from "./columns";
import styles from "./Rows.module.css";
import type { RowLayout } from "./rowlayout";

type Props = { layout: RowLayout; onColumns(columns: Column[]): void };

export function ListHead({ layout, onColumns }: Props) {
  return (
    <RowGroup data-sticky="" className={styles.head}>
      <Row index={1} className={styles.headRow}>
        <HeadCell>
          <span className="hidden-text">Open</span>
        </HeadCell>
        <HeadCell>Time</HeadCell>
        <HeadCell>Level</HeadCell>
        <HeadCell>Service</HeadCell>
        {layout.columns.map((column, at) => (
          <ColumnHead
            key={column.key}
            column={column}
            at={at}
            columns={layout.columns}
            onColumns={onColumns}
          />
        ))}
        <HeadCell>Body</HeadCell>
      </Row>
    </RowGroup>
  );
}

type ColumnProps = {
  column: Column;
  at: number;
  columns: readonly Column[];
  onColumns(columns: Column[]): void;
};

function ColumnHead({ column, at, columns, onColumns }: ColumnProps) {
  const { key, width } = column;
  const name = visible(key);
  const item = (text: string, next: Column[], disabled = false) => ({
    text,
    disabled,
    onSelect: () => onColumns(next),
  });
  return (
    <HeadCell className={styles.columnHead}>
      <Menu
        trigger={
          <button type="button" title={name}>
            <bdi className={styles.columnName}>{name}</bdi>
            <ChevronDown size={12} aria-hidden />
          </button>
        }
        items={[
          item("Move left", moved(columns, key, -1), at === 0),
          item("Move right", moved(columns, key, 1), at === columns.length - 1),
          null,
          item("Wider", resized(columns, key, width + WIDTH_STEP)),
          item("Narrower", resized(columns, key, width - WIDTH_STEP)),
          null,
          item("Remove the column", toggled(columns, key)),
        ]}
      />
      <Handle width={width} onWidth={(next) => onColumns(resized(columns, key, next))} />
    </HeadCell>
  );
}

/** Dragged with the pointer; the menu beside it does the same by keys. */
function Handle({ width, onWidth }: { width: number; onWidth(width: number): void }) {
  const start = useRef<{ x: number; width: number } | null>(null);
  const [dragging, setDragging] = useState(false);
  const end = () => {
    start.current = null;
    setDragging(false);
  };
  return (
    <span
      className={styles.handle}
      aria-hidden="true"
      data-dragging={dragging || undefined}
      onPointerDown={(event: PointerEvent<HTMLSpanElement>) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, width };
        setDragging(true);
      }}
      onPointerMove={(event) => {
        if (start.current) onWidth(start.current.width + event.clientX - start.current.x);
      }}
      onPointerUp={end}
      onPointerCancel={end}
    />
  );
}
