import { Braces, X } from "lucide-react";
import type { SpanAnswer } from "../../api/types";
import { announce } from "../../app/announce";
import { Button, IconButton } from "../../kit/Button";
import { visible } from "../../kit/format";
import { Panel } from "../../kit/Panel";
import { copyText, ServiceTick } from "../../kit/Values";
import { Splitter, useSavedWidth } from "../Splitter";
import type { TabName } from "../search";
import type { Trace } from "../session";
import { FLAG_LOGS, referenceOf, spanIdOf } from "../skeleton";
import type { SetSearch } from "../useNavigation";
import { Attributes } from "./Attributes";
import { Events } from "./Events";
import { Links } from "./Links";
import { jsonOf, Raw } from "./Raw";
import { SpanFacts } from "./SpanFacts";
import { SpanLogs, useSpanLogs } from "./SpanLogs";
import styles from "./SpanPane.module.css";

interface Props {
  id: string;
  trace: Trace;
  row: number;
  slots: readonly number[];
  tab: TabName | undefined;
  /** undefined while it loads. */
  answer: SpanAnswer | undefined;
  error: Error | null;
  onRetry(): void;
  onClose(): void;
  onGoTo(row: number): void;
  setSearch: SetSearch;
}

/** All that is known about one span, beside the waterfall. */
export function SpanPane(props: Props) {
  const { id, trace, row, slots, answer, setSearch } = props;
  const [width, setWidth] = useSavedWidth("pane", 460);
  const { skeleton } = trace.opened;
  const service = skeleton.service[row]!;
  const span = answer?.span;
  const hasLogs = (skeleton.flags[row]! & FLAG_LOGS) !== 0;
  const logs = useSpanLogs(id, spanIdOf(skeleton, row), hasLogs);
  const tabs: [TabName, string, number | null][] = [
    ["attributes", "Attributes", span ? attributeCount(answer) : null],
    ...(span && span.events.length > 0
      ? [["events", "Events", span.events.length] as [TabName, string, number]]
      : []),
    ...(span && span.links.length > 0
      ? [["links", "Links", span.links.length] as [TabName, string, number]]
      : []),
    ...(hasLogs
      ? [["logs", "Logs", logs.data ? logs.logs.length : null] as [TabName, string, number | null]]
      : []),
    ["raw", "JSON", null],
  ];
  const tab = tabs.find(([name]) => name === props.tab)?.[0] ?? "attributes";
  return (
    <aside className={styles.pane} style={{ width }} aria-label="Span" data-record="">
      <Splitter
        label="Width of the span"
        value={width}
        min={320}
        max={960}
        right={width}
        onChange={setWidth}
      />
      <header className={styles.header}>
        <div className={styles.title}>
          <ServiceTick name={skeleton.services[service] ?? ""} slot={slots[service]} />
          <h3>
            <bdi>{visible(skeleton.names[skeleton.name[row]!] ?? "")}</bdi>
          </h3>
        </div>
        <Button
          look="quiet"
          disabled={trace.root === row}
          onClick={() => setSearch({ root: referenceOf(skeleton, row), zoom: undefined })}
        >
          Only its subtree
        </Button>
        {span && (
          <IconButton
            label="Copy the span as JSON"
            keys="⇧C"
            data-act="json"
            icon={<Braces size={16} aria-hidden />}
            onClick={() => void copyText(jsonOf(span)).then(() => announce("Span copied as JSON"))}
          />
        )}
        <IconButton
          label="Close the span"
          keys="Esc"
          icon={<X size={16} aria-hidden />}
          onClick={props.onClose}
        />
      </header>
      <SpanFacts trace={trace} row={row} answer={answer} onGoTo={props.onGoTo} />
      <div className={styles.tabs} role="tablist" aria-label="Parts of the span">
        {tabs.map(([name, title, count]) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`span-tab-${name}`}
            aria-selected={tab === name}
            aria-controls="span-part"
            tabIndex={tab === name ? 0 : -1}
            onClick={() => setSearch({ tab: name === "attributes" ? undefined : name }, "replace")}
            onKeyDown={(event) => {
              const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
              if (step === undefined) return;
              const at = tabs.findIndex(([other]) => other === name);
              const next = tabs[(at + step + tabs.length) % tabs.length]?.[0];
              setSearch({ tab: next === "attributes" ? undefined : next }, "replace");
              document.getElementById(`span-tab-${next}`)?.focus();
            }}
          >
            {title}
            {count !== null && <span className={styles.count}>{count}</span>}
          </button>
        ))}
      </div>
      <div
        className={styles.part}
        role="tabpanel"
        id="span-part"
        aria-labelledby={`span-tab-${tab}`}
      >
        {span && answer ? (
          <>
            {tab === "attributes" && <Attributes key={span.span_id} span={span} />}
            {tab === "events" && <Events span={span} />}
            {tab === "links" && <Links span={span} trace={trace} onGoTo={props.onGoTo} />}
            {tab === "logs" && <SpanLogs query={logs} span={span} />}
            {tab === "raw" && <Raw span={span} />}
          </>
        ) : (
          <Panel
            fill
            className={styles.bare}
            loading={!props.error}
            error={props.error}
            onRetry={props.onRetry}
          />
        )}
      </div>
    </aside>
  );
}

function attributeCount({ span }: SpanAnswer): number {
  return span.attributes.length + span.resource_attributes.length + span.scope_attributes.length;
}
