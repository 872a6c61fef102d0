/** Records as they come: the newest at the end, which the list follows until the reader scrolls up. */
import { Eraser, ListRestart, Pause, Play } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { announce } from "../app/announce";
import { useKeys } from "../app/keys";
import { Button, IconButton } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { formatCount, plural } from "../kit/format";
import { NewerPill } from "../kit/NewerPill";
import { Panel } from "../kit/Panel";
import { Select } from "../kit/Select";
import { useRowKeys } from "../kit/useRowKeys";
import type { RowsHandle, RowsView } from "../kit/VirtualRows";
import { LogRows } from "./LogRows";
import page from "./Page.module.css";
import { RATES } from "./search";
import styles from "./TailPanel.module.css";
import { TailFeed, type TailView } from "./tailfeed";
import { type useLogsSearch, useRowLayout } from "./useLogsSearch";
import { ViewMenu } from "./ViewMenu";

type Props = {
  /** The filter as the server gets it. */
  q: string;
  zone: string;
  logs: ReturnType<typeof useLogsSearch>;
};

const STATES: Record<TailView["state"], string> = {
  connecting: "Connecting…",
  following: "Following",
  lost: "Interrupted, trying again",
  refused: "Not followed",
  stopped: "Stopped",
};

export function TailPanel({ q, zone, logs }: Props) {
  const { search, set, columns, setColumns, rows: settings } = logs;
  const { rate = "200", row } = search;
  const keys = columns.map(({ key }) => key).join(",");
  const feed = useMemo(
    () => new TailFeed({ q, rate: Number(rate), columns: keys }),
    [q, rate, keys],
  );
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  const tail = useSyncExternalStore(feed.subscribe, feed.view);
  const [atEnd, setAtEnd] = useState(true);
  const follow = atEnd && row === undefined;
  const [view, setView] = useState<RowsView | null>(null);
  const rows = useRef<RowsHandle>(null);
  useRowKeys(rows);
  const layout = useRowLayout(settings, columns, zone, false);

  const onView = useCallback((next: RowsView) => setView(next), []);
  const first = view?.first ?? 0;
  useEffect(() => {
    feed.held = follow ? null : feed.log.base + first;
  }, [feed, follow, first]);

  const onToggle = useCallback(
    (id: string) => {
      set({ row: id === row ? undefined : id }, true);
      if (id !== row) setAtEnd(false);
    },
    [set, row],
  );
  const toEnd = () => {
    if (row !== undefined) set({ row: undefined }, true);
    setAtEnd(true);
  };
  const toggle = () => (tail.paused ? feed.resume() : feed.pause());
  useKeys([
    { keys: ".", name: tail.paused ? "Resume" : "Pause", group: "Live tail", run: toggle },
    { keys: "f", name: "Follow the newest", group: "Live tail", run: toEnd },
  ]);
  useSaid(tail);
  const { since } = tail;
  const below = follow ? 0 : Math.max(0, tail.count - 1 - (view?.last ?? 0));
  return (
    <Panel
      fill
      flush
      className={page.list}
      title={<Title tail={tail} />}
      actions={
        <>
          <Select
            label="The most records a second"
            prefix="At most"
            value={rate}
            choices={RATES.map((value) => ({ value, text: `${formatCount(Number(value))} / s` }))}
            onChange={(value) => set({ rate: value }, true)}
          />
          <Button
            icon={tail.paused ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
            onClick={toggle}
          >
            {tail.paused
              ? `Resume${tail.waiting > 0 ? ` (${formatCount(tail.waiting)})` : ""}`
              : "Pause"}
          </Button>
          <IconButton
            label="Clear"
            icon={<Eraser size={16} aria-hidden />}
            onClick={() => feed.clear()}
          />
          {since !== null && (
            <IconButton
              label="All records since it was started"
              icon={<ListRestart size={16} aria-hidden />}
              onClick={() => set({ view: undefined, from: since, to: "now" })}
            />
          )}
          <ViewMenu search={search} onChange={(change) => set(change, true)} />
        </>
      }
      error={tail.error}
      empty={tail.count === 0 && <Nothing tail={tail} filtered={q !== ""} />}
    >
      <LogRows
        ref={rows}
        label="Live records"
        layout={layout}
        count={tail.count}
        total={tail.count}
        base={tail.base}
        listKey={`${q}\n${rate}`}
        open={row}
        at={(index) => feed.log.at(index)}
        onToggle={onToggle}
        onColumns={setColumns}
        onView={onView}
        onNearEnd={nothing}
        follow={follow}
        onFollow={setAtEnd}
        footer={null}
      />
      <NewerPill count={below} onClick={toEnd} below />
    </Panel>
  );
}

const nothing = () => undefined;

function Title({ tail }: { tail: TailView }) {
  const { state, paused, totals, missed, rateMax } = tail;
  const word = paused && state === "following" ? "Paused" : STATES[state];
  return (
    <span className={styles.title}>
      <span className={styles.state} data-state={paused ? "paused" : state} role="status">
        {word}
      </span>
      <span className={page.of}>
        {plural(totals.matched, "match", "matches")}
        {totals.dropped > 0 && (
          <strong className={styles.dropped}>
            {` · ▲ ${formatCount(totals.dropped)} not shown: more than ${formatCount(rateMax ?? 0)} a second`}
          </strong>
        )}
        {totals.unread > 0 && (
          <strong className={styles.dropped}>
            {` · ▲ ${formatCount(totals.unread)} not looked at: more come than can be filtered`}
          </strong>
        )}
        {missed > 0 && (
          <strong className={styles.dropped}>
            {` · ▲ ${formatCount(missed)} not kept: the list is full`}
          </strong>
        )}
      </span>
    </span>
  );
}

function Nothing({ tail, filtered }: { tail: TailView; filtered: boolean }) {
  if (tail.state === "refused") return <Empty title="Nothing is followed" />;
  return (
    <Empty
      title={tail.state === "following" ? "Waiting for records" : STATES[tail.state]}
      detail={`Those that ${filtered ? "match the filter" : "arrive"} from now on are shown here. The time range does not matter.`}
    />
  );
}

/** Says aloud what changes seldom; counts are there to be read. */
function useSaid({ state, paused, totals, missed }: TailView) {
  const left = totals.dropped > 0 || totals.unread > 0;
  const full = missed > 0;
  useEffect(() => {
    if (left) announce("More records match than are shown: the rate is limited");
  }, [left]);
  useEffect(() => {
    if (full) announce("The list is full: new records are not kept while you look at old ones");
  }, [full]);
  useEffect(() => {
    announce(paused ? "Paused" : STATES[state]);
  }, [state, paused]);
}
