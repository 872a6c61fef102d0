/** A list of records in a window: of a search, of a live tail, or around one of them. */
import { type ComponentProps, type CSSProperties, useMemo } from "react";
import { VirtualRows } from "../kit/VirtualRows";
import type { Column } from "./columns";
import { ListHead } from "./ListHead";
import { LogRow } from "./LogRow";
import styles from "./Rows.module.css";
import { gridOf, type RowLayout } from "./rowlayout";
import { isGap, type TailRow } from "./tail";

type Rows = ComponentProps<typeof VirtualRows>;
type Passed = "count" | "total" | "listKey" | "footer" | "ref" | "stale" | "onView" | "onNearEnd";
type Beside = "startTop" | "startRow" | "base" | "follow" | "onFollow" | "onNearStart" | "label";

type Props = Pick<Rows, Passed | Beside> & {
  layout: RowLayout;
  /** Records that are open. */
  open: string | undefined;
  /** The record whose neighbours are shown. */
  marked?: string;
  at(index: number): TailRow | undefined;
  onToggle(id: string): void;
  onColumns(columns: Column[]): void;
};

export function LogRows({ layout, open, marked, at, onToggle, onColumns, ...rest }: Props) {
  const { template, width } = useMemo(() => gridOf(layout), [layout]);
  const { row, wrap } = layout;
  return (
    <div
      className={styles.listing}
      style={{ "--log-columns": template, "--log-row": `${row}px` } as CSSProperties}
    >
      <VirtualRows
        {...rest}
        rowHeight={row}
        layoutKey={`${wrap} ${row}`}
        minWidth={width}
        measured={(index) => wrap || (open !== undefined && at(index)?.id === open)}
        // Two records may have one id when nothing tells them apart.
        rowKey={(index) => String((rest.base ?? 0) + index)}
        row={(index, tabIndex) => {
          const record = at(index);
          if (!record) return null;
          if (isGap(record)) return <Interrupted text={record.gap} />;
          return (
            <LogRow
              {...{ record, index, tabIndex, layout, onToggle }}
              open={record.id === open}
              marked={record.id === marked}
            />
          );
        }}
        header={<ListHead layout={layout} onColumns={onColumns} />}
      />
    </div>
  );
}

function Interrupted({ text }: { text: string }) {
  return <p className={styles.gap}>{text}</p>;
}
