/** The patterns that the bodies of all matches fall into: how many, when, how bad, what is new. */
import type { Filtered, LogPatternsAnswer } from "../api/types";
import type { Pin } from "../app/place";
import { Empty } from "../kit/Empty";
import { formatCount, plural } from "../kit/format";
import { NoData } from "../kit/NoData";
import { Panel, panelState } from "../kit/Panel";
import { Select } from "../kit/Select";
import { usePatterns } from "./data";
import page from "./Page.module.css";
import { PatternRows } from "./PatternRows";
import styles from "./PatternsPanel.module.css";
import { newsOf, sinceOf } from "./patterns";
import { SINCES } from "./search";
import type { useLogsSearch } from "./useLogsSearch";

type Since = (typeof SINCES)[number];

const SINCE_TEXT: Record<Since, string> = {
  half: "last half",
  quarter: "last quarter",
  tenth: "last tenth",
  off: "–",
};

type Props = {
  pin: Pin;
  filtered: Filtered;
  /** The filter as the address has it: that one is edited. */
  q: string;
  logs: ReturnType<typeof useLogsSearch>;
};

export function PatternsPanel({ pin, filtered, q, logs }: Props) {
  const { search, set } = logs;
  const { since = "quarter", row } = search;
  const from = sinceOf(filtered, since);
  const query = usePatterns(pin, filtered, from);
  const { data } = query;
  return (
    <Panel
      fill
      flush
      className={page.list}
      title={<Title answer={data} since={from} />}
      actions={
        <Select
          label="New are patterns first seen in this part of the range, gone those not seen in it"
          prefix="New or gone in"
          value={since}
          choices={SINCES.map((value) => ({ value, text: SINCE_TEXT[value] }))}
          onChange={(value: Since) => set({ since: value }, true)}
        />
      }
      {...panelState(query)}
      empty={
        data?.patterns.length === 0 &&
        (data.total === 0 ? (
          <NoData table="logs" what="log records" />
        ) : (
          <Empty title="No pattern" detail="None of the records has a body." />
        ))
      }
      receipt={data?.receipt}
    >
      {data && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keys
        <section className={styles.scroller} aria-label="Patterns" tabIndex={0}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">
                  <span className="hidden-text">Open</span>
                </th>
                <th scope="col" data-number="">
                  Records
                </th>
                <th scope="col" data-number="">
                  Share
                </th>
                <th scope="col">Trend</th>
                <th scope="col">Levels</th>
                <th scope="col">Pattern</th>
                <th scope="col">Services</th>
                <th scope="col">
                  <span className="hidden-text">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.patterns.map((pattern) => (
                <PatternRows
                  key={pattern.id}
                  pattern={pattern}
                  news={newsOf(pattern, from)}
                  open={row === pattern.id}
                  zone={pin.zone}
                  q={q}
                  onOpen={() => set({ row: row === pattern.id ? undefined : pattern.id }, true)}
                  onEdit={(text) => set({ q: text })}
                  onRecords={(text) => set({ q: text, view: undefined, row: undefined })}
                />
              ))}
            </tbody>
          </table>
          {data.others > 0 && (
            <p className={styles.foot}>
              {plural(data.others, "record")} in rarer patterns, which are not listed.
            </p>
          )}
        </section>
      )}
    </Panel>
  );
}

type TitleProps = { answer: LogPatternsAnswer | undefined; since: string | null };

function Title({ answer, since }: TitleProps) {
  if (!answer) return "Patterns";
  const { patterns, patterns_count, read, total, complete } = answer;
  const news = patterns.map((each) => newsOf(each, since));
  const [fresh, gone] = [news.filter((is) => is === "new"), news.filter((is) => is === "gone")];
  return (
    <span role="status">
      {plural(patterns_count, "pattern")}
      <span className={page.of}>
        {fresh.length > 0 && ` · ${formatCount(fresh.length)} new`}
        {gone.length > 0 && ` · ${formatCount(gone.length)} gone`} ·{" "}
        {complete
          ? `of ${plural(total, "record")}`
          : `of the newest ${formatCount(read)} of ${plural(total, "record")}`}
      </span>
    </span>
  );
}
