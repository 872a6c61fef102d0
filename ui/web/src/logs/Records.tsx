/** The list of records: rows in a window, pages as they are needed, open rows with their detail. */

import { type Ref, useCallback } from "react";
import { HeadCell, Row, RowGroup } from "../kit/Cells";
import { cx } from "../kit/cx";
import { formatCount, formatDay, plural } from "../kit/format";
import { type RowsHandle, type RowsView, VirtualRows } from "../kit/VirtualRows";
import type { useRecords } from "./data";
import { LogRow } from "./LogRow";
import styles from "./Rows.module.css";

const ROW = 24;

type Props = {
  records: ReturnType<typeof useRecords>;
  zone: string;
  open: string | undefined;
  wrap: boolean;
  startTop: number;
  onToggle(id: string): void;
  onView(view: RowsView): void;
  ref: Ref<RowsHandle>;
};

export function Records({ records: found, zone, open, wrap, startTop, ...props }: Props) {
  const { query, records, total } = found;
  const { hasNextPage, isFetching, fetchNextPage, isError } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !isError) fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const [first, last] = [records[0], records.at(-1)];
  const days = Boolean(first && last && formatDay(first.time, zone) !== formatDay(last.time, zone));
  return (
    <VirtualRows
      ref={props.ref}
      label="Log records"
      count={records.length}
      total={total}
      rowHeight={ROW}
      listKey={found.listKey}
      layoutKey={wrap ? "wrap" : "line"}
      startTop={startTop}
      stale={query.isPlaceholderData}
      onView={props.onView}
      onNearEnd={more}
      measured={(index) => wrap || (open !== undefined && records[index]?.id === open)}
      rowKey={(index) => records[index]?.id ?? String(index)}
      row={(index, tabIndex) => {
        const record = records[index];
        if (!record) return null;
        const isOpen = record.id === open;
        const { onToggle } = props;
        return (
          <LogRow {...{ record, index, tabIndex, wrap, days, zone, onToggle }} open={isOpen} />
        );
      }}
      header={<Head days={days} />}
      footer={<Foot loaded={records.length} total={total} query={query} />}
    />
  );
}

function Head({ days }: { days: boolean }) {
  return (
    <RowGroup data-sticky="" className={styles.head}>
      <Row index={1} className={cx(styles.headRow, days && styles.withDay)}>
        <HeadCell>
          <span className="hidden-text">Open</span>
        </HeadCell>
        <HeadCell>Time</HeadCell>
        <HeadCell>Level</HeadCell>
        <HeadCell>Service</HeadCell>
        <HeadCell>Body</HeadCell>
      </Row>
    </RowGroup>
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
