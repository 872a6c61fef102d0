/** The list of traces or spans that match: rows in a window, pages as they are needed. */

import { type Ref, useCallback } from "react";
import type { Lens } from "../api/types";
import { HeadCell, Row, RowGroup } from "../kit/Cells";
import { formatCount, plural } from "../kit/format";
import { type RowsHandle, type RowsView, VirtualRows } from "../kit/VirtualRows";
import type { useMatches } from "./data";
import styles from "./Rows.module.css";
import { SpanRow } from "./SpanRow";
import { TraceRow } from "./TraceRow";

const ROW = 28;
const HEADS: Record<Lens, [string, boolean][]> = {
  traces: [
    ["Start", false],
    ["Root", false],
    ["Duration", false],
    ["Spans", true],
    ["Errors", true],
    ["Services", false],
  ],
  spans: [
    ["Start", false],
    ["Span", false],
    ["Kind", false],
    ["Status", false],
    ["Duration", false],
    ["Trace", false],
  ],
};

type Props = {
  lens: Lens;
  matches: ReturnType<typeof useMatches>;
  filtered: boolean;
  startTop: number;
  onTop(top: number): void;
  ref: Ref<RowsHandle>;
};

export function Matches({ lens, matches, filtered, startTop, onTop, ref }: Props) {
  const { query, traces, spans, total } = matches;
  const rows = lens === "traces" ? traces : spans;
  const longest = rows.reduce((most, row) => Math.max(most, row.duration ?? 0), 0);
  const { hasNextPage, isFetching, fetchNextPage, isError } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !isError) fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const onView = useCallback((view: RowsView) => onTop(view.top), [onTop]);
  return (
    <VirtualRows
      ref={ref}
      label={lens === "traces" ? "Traces" : "Spans"}
      count={rows.length}
      total={total}
      rowHeight={ROW}
      listKey={matches.listKey}
      startTop={startTop}
      stale={query.isPlaceholderData}
      onView={onView}
      onNearEnd={more}
      measured={() => false}
      rowKey={(index) => {
        const row = rows[index];
        return row ? `${row.trace_id}${"span_id" in row ? row.span_id : ""}` : String(index);
      }}
      row={(index, tabIndex) => {
        const trace = traces[index];
        const span = spans[index];
        if (lens === "traces" && trace) {
          return <TraceRow {...{ trace, index, tabIndex, longest, filtered }} />;
        }
        return lens === "spans" && span && <SpanRow {...{ span, index, tabIndex, longest }} />;
      }}
      header={<Head lens={lens} />}
      footer={<Foot lens={lens} loaded={rows.length} total={total} query={query} />}
    />
  );
}

function Head({ lens }: { lens: Lens }) {
  return (
    <RowGroup data-sticky="" className={styles.head} data-lens={lens}>
      <Row index={1} className={styles.headRow}>
        {HEADS[lens].map(([name, number]) => (
          <HeadCell key={name} className={number ? styles.number : undefined}>
            {name}
          </HeadCell>
        ))}
      </Row>
    </RowGroup>
  );
}

type FootProps = {
  lens: Lens;
  loaded: number;
  total: number;
  query: Props["matches"]["query"];
};

function Foot({ lens, loaded, total, query }: FootProps) {
  const one = lens === "traces" ? "trace" : "span";
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
      <p className={styles.foot}>
        {query.isFetchingNextPage
          ? "Loading more…"
          : `${formatCount(loaded)} of ${formatCount(total)} loaded`}
        <button
          type="button"
          className={styles.again}
          disabled={query.isFetching}
          onClick={() => query.fetchNextPage()}
        >
          Load more
        </button>
      </p>
    );
  }
  return <p className={styles.foot}>{`End: ${plural(total, one)}, all of them shown.`}</p>;
}
