/** The list of records that match: rows in a window, pages as they are needed. */
import { type Ref, useCallback } from "react";
import { formatCount, formatDay, plural } from "../kit/format";
import type { RowsHandle, RowsView } from "../kit/VirtualRows";
import type { Column } from "./columns";
import type { useRecords } from "./data";
import { LogRows } from "./LogRows";
import styles from "./Rows.module.css";
import { type RowSettings, useRowLayout } from "./useLogsSearch";

type Props = {
  records: ReturnType<typeof useRecords>;
  zone: string;
  rows: RowSettings;
  columns: readonly Column[];
  open: string | undefined;
  startTop: number;
  onToggle(id: string): void;
  onColumns(columns: Column[]): void;
  onView(view: RowsView): void;
  ref: Ref<RowsHandle>;
};

export function Records(props: Props) {
  const { zone, columns } = props;
  const { query, records, total, listKey } = props.records;
  const { hasNextPage, isFetching, fetchNextPage, isError } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !isError) fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const [first, last] = [records[0], records.at(-1)];
  const days = Boolean(first && last && formatDay(first.time, zone) !== formatDay(last.time, zone));
  const layout = useRowLayout(props.rows, columns, zone, days);
  return (
    <LogRows
      ref={props.ref}
      label="Log records"
      layout={layout}
      count={records.length}
      total={total}
      listKey={listKey}
      startTop={props.startTop}
      stale={query.isPlaceholderData}
      open={props.open}
      at={(index) => records[index]}
      onToggle={props.onToggle}
      onColumns={props.onColumns}
      onView={props.onView}
      onNearEnd={more}
      footer={<Foot loaded={records.length} total={total} query={query} />}
    />
  );
}

type FootProps = { loaded: number; total: number; query: Props["records"]["query"] };

function Foot({ loaded, total, query }: FootProps) {
  if (query.isFetchNextPageError) {
    return (
      <p className={styles.foot} role="alert">
        The next page did not come: {query.error?.message}
        <button type="button" className={styles.again} onClick={() => query.fetchNextPage()}>
          Try again
        </button>
      </p>
    );
  }
  if (query.hasNextPage) {
    return (
      <p className={styles.foot}>{`${formatCount(loaded)} of ${formatCount(total)} loaded…`}</p>
    );
  }
  return <p className={styles.foot}>{`End: ${plural(total, "record")}, all of them shown.`}</p>;
}
