/** The lines around one record, of the same instance, pod, file…: what happened just before and after. */
import { X } from "lucide-react";
import { useCallback, useEffect, useRef } from "react";
import type { StreamBy } from "../api/types";
import { useKeys } from "../app/keys";
import { Button, IconButton } from "../kit/Button";
import { formatDay, formatTime, visible } from "../kit/format";
import { Panel } from "../kit/Panel";
import { Select } from "../kit/Select";
import { useRowKeys } from "../kit/useRowKeys";
import type { RowsHandle } from "../kit/VirtualRows";
import { BY_TEXT, joined } from "./around";
import styles from "./ContextPanel.module.css";
import { useAround } from "./data";
import { LogRows } from "./LogRows";
import rowStyles from "./Rows.module.css";
import { type useLogsSearch, useRowLayout } from "./useLogsSearch";
import { ViewMenu } from "./ViewMenu";

type Props = {
  id: string;
  /** The filter, for those who want only what matches it. */
  q: string;
  zone: string;
  logs: ReturnType<typeof useLogsSearch>;
};

export function ContextPanel({ id, q, zone, logs }: Props) {
  const { search, set, columns, setColumns, rows: settings } = logs;
  const { by, matching = false, row } = search;
  const keys = columns.map(({ key }) => key);
  const query = useAround(id, by, matching ? q : "", keys);
  const pages = query.data?.pages ?? [];
  const answer = pages.find((page) => page.log.id === id);
  const { lines, marked, earlier, moreBefore, moreAfter } = joined(pages, id);
  const rows = useRef<RowsHandle>(null);
  useRowKeys(rows);
  const close = logs.closeAround;
  useKeys([{ keys: "Escape", name: "Back to the list", group: "List", run: close }]);

  const [first, last] = [lines[0], lines.at(-1)];
  const days = Boolean(first && last && formatDay(first.time, zone) !== formatDay(last.time, zone));
  const layout = useRowLayout(settings, columns, zone, days);
  const onToggle = useCallback(
    (open: string) => set({ row: open === row ? undefined : open }, true),
    [set, row],
  );
  // The row that had the focus is gone with its list: keys go on from the record. Not again when
  // more lines come.
  const shown = answer === undefined ? "" : `${id} ${answer.by} ${matching}`;
  const place = useRef(marked);
  place.current = marked;
  useEffect(() => {
    if (shown !== "") rows.current?.focus(place.current);
  }, [shown]);

  return (
    <Panel
      fill
      flush
      className={styles.panel}
      title={answer ? `Lines around ${formatTime(answer.log.time, zone)}` : "Lines around a record"}
      actions={
        <>
          {answer && answer.choices.length > 0 && (
            <Select
              label="Which lines"
              prefix="Same"
              value={answer.by}
              choices={answer.choices.map((value) => ({ value, text: BY_TEXT[value] }))}
              onChange={(value: StreamBy) => set({ by: value }, true)}
            />
          )}
          {q !== "" && (
            <Button
              look="quiet"
              aria-pressed={matching}
              onClick={() => set({ matching: matching ? undefined : true }, true)}
            >
              {matching ? "Only what matches the filter" : "Also what the filter leaves out"}
            </Button>
          )}
          <ViewMenu search={search} onChange={(change) => set(change, true)} />
          <IconButton
            label="Back to the list"
            keys="Escape"
            icon={<X size={16} aria-hidden />}
            onClick={close}
          />
        </>
      }
      loading={query.isPending && query.error === null}
      stale={query.isPlaceholderData}
      error={query.isFetchNextPageError || query.isFetchPreviousPageError ? null : query.error}
      onRetry={() => void query.refetch()}
      receipt={pages.at(-1)?.receipt}
    >
      {answer && (
        <>
          <Stream stream={answer.stream} />
          <LogRows
            ref={rows}
            label="Lines around the record"
            layout={layout}
            count={lines.length}
            total={lines.length}
            base={-earlier}
            listKey={`${id} ${answer.by} ${matching}`}
            startRow={marked}
            open={row}
            marked={id}
            at={(index) => lines[index]}
            onToggle={onToggle}
            onColumns={setColumns}
            onNearStart={() => {
              if (moreBefore && !query.isFetching && !query.isError) query.fetchPreviousPage();
            }}
            onNearEnd={() => {
              if (moreAfter && !query.isFetching && !query.isError) query.fetchNextPage();
            }}
            footer={
              <p className={rowStyles.foot} role={query.isError ? "alert" : undefined}>
                {query.isError ? `More lines did not come: ${query.error.message}` : null}
                {query.isError && (
                  <button
                    type="button"
                    className={rowStyles.again}
                    onClick={() =>
                      query.isFetchPreviousPageError
                        ? query.fetchPreviousPage()
                        : query.fetchNextPage()
                    }
                  >
                    Try again
                  </button>
                )}
                {!query.isError && (moreAfter ? "More lines follow…" : "End of what is stored.")}
              </p>
            }
          />
        </>
      )}
    </Panel>
  );
}

/** What all lines share. */
function Stream({ stream }: { stream: { key: string; value: string; q: string }[] }) {
  return (
    <p className={styles.stream}>
      {stream.length === 0 && "Lines of all sources."}
      {stream.map(({ key, value }) => (
        <span key={key} className={styles.part}>
          <span className={styles.key}>{visible(key)}</span> <bdi>{visible(value)}</bdi>
        </span>
      ))}
    </p>
  );
}
