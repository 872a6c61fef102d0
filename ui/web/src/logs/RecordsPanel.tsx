/** The records that match, newest or oldest first, and what can be done with all of them. */
import { useCallback, useRef } from "react";
import type { Filtered } from "../api/types";
import type { usePlace } from "../app/place";
import { formatCount } from "../kit/format";
import { NewerPill } from "../kit/NewerPill";
import { NoData } from "../kit/NoData";
import { Panel, panelState } from "../kit/Panel";
import { Segmented } from "../kit/Segmented";
import { SqlButton } from "../kit/SqlButton";
import { useRowKeys } from "../kit/useRowKeys";
import type { RowsHandle, RowsView } from "../kit/VirtualRows";
import { useNewer, useRecords } from "./data";
import { ExportMenu } from "./ExportMenu";
import { LinkedRecord } from "./LinkedRecord";
import { visibleRange } from "./model";
import styles from "./Page.module.css";
import { Records } from "./Records";
import type { useLogsSearch } from "./useLogsSearch";
import { ViewMenu } from "./ViewMenu";
import type { Visible } from "./volumecanvas";

type Props = {
  filtered: Filtered;
  place: ReturnType<typeof usePlace>;
  logs: ReturnType<typeof useLogsSearch>;
  onVisible(range: Visible | null): void;
};

export function RecordsPanel({ filtered, place, logs, onVisible }: Props) {
  const { search, set, columns, setColumns, rows } = logs;
  const { order = "newest", row } = search;
  const keys = columns.map(({ key }) => key);
  const found = useRecords(place.pin, filtered, order, keys);
  const { records, total, query } = found;
  const list = useRef<RowsHandle>(null);
  useRowKeys(list);
  const newer = useNewer(place.newer && { ...place.newer, q: filtered.q ?? "" }, total);
  const { zone } = place.pin;
  const { remember } = place;

  const onView = useCallback(
    (view: RowsView) => {
      remember(view.top);
      onVisible(visibleRange(records[view.first]?.time, records[view.last]?.time));
    },
    [remember, onVisible, records],
  );
  const onToggle = useCallback(
    (id: string) => set({ row: id === row ? undefined : id }, true),
    [set, row],
  );
  const empty = query.isSuccess && total === 0 && !query.isPlaceholderData;
  const linked = row !== undefined && query.isSuccess && !records.some((each) => each.id === row);
  return (
    <Panel
      fill
      flush
      className={styles.list}
      title={<Title total={total} loaded={records.length} known={query.isSuccess} />}
      actions={
        <>
          <SqlButton sql={query.data?.pages[0]?.sql} />
          <ExportMenu filtered={filtered} order={order} columns={keys} />
          <ViewMenu search={search} onChange={(change) => set(change, true)} />
          <Segmented
            label="Order"
            value={order}
            choices={[
              { value: "newest", text: "Newest" },
              { value: "oldest", text: "Oldest" },
            ]}
            onChange={(value) => set({ order: value })}
          />
        </>
      }
      {...panelState(query)}
      empty={empty && !linked && <NoData table="logs" what="log records" />}
      receipt={found.receipt}
    >
      {linked && <LinkedRecord id={row} zone={zone} onClose={() => onToggle(row)} />}
      {query.data && (
        <>
          <Records
            ref={list}
            records={found}
            zone={zone}
            rows={rows}
            columns={columns}
            open={row}
            startTop={place.startTop}
            onToggle={onToggle}
            onColumns={setColumns}
            onView={onView}
          />
          <NewerPill count={newer} onClick={place.catchUp} />
        </>
      )}
    </Panel>
  );
}

function Title({ total, loaded, known }: { total: number; loaded: number; known: boolean }) {
  if (!known) return "Records";
  return (
    <span role="status">
      {formatCount(total)} {total === 1 ? "record" : "records"}
      {loaded < total && <span className={styles.of}> · {formatCount(loaded)} loaded</span>}
    </span>
  );
}
