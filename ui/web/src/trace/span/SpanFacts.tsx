import type { ReactNode } from "react";
import type { SpanAnswer } from "../../api/types";
import { useTimeRange } from "../../app/context";
import { exactTime, formatCount, formatDuration, formatPercent, visible } from "../../kit/format";
import { Copy, Duration, StatusBadge, Time } from "../../kit/Values";
import type { Trace } from "../session";
import { KINDS, STATUS_ERROR, spanIdOf } from "../skeleton";
import { parentSpan } from "../tree";
import styles from "./SpanPane.module.css";

interface Props {
  trace: Trace;
  row: number;
  answer: SpanAnswer | undefined;
  onGoTo(row: number): void;
}

/** What the skeleton knows is there at once; the rest joins when it was fetched. */
export function SpanFacts({ trace, row, answer, onGoTo }: Props) {
  const { skeleton } = trace.opened;
  const { zone } = useTimeRange();
  const span = answer?.span;
  const start = skeleton.traceStart + BigInt(Math.round(skeleton.start[row]!));
  const moved = trace.structure.start[row]! - skeleton.start[row]!;
  const above = parentSpan(trace.structure.forest, row);
  const duration = skeleton.duration[row]!;
  const dropped = Object.entries(span?.dropped ?? {}).filter(([, count]) => count > 0);
  const failed = skeleton.status[row] === STATUS_ERROR;
  const facts: [string, ReactNode][] = [
    [
      "Duration",
      <>
        {Number.isNaN(duration) ? "no end was sent" : <Duration nanos={duration} />}
        <small> · self {formatDuration(skeleton.self[row])}</small>
        {answer?.percentile && <Percentile answer={answer} />}
      </>,
    ],
    [
      "Start",
      <>
        <span title={exactTime(start, zone)}>
          <Time nanos={span?.start ?? start} digits="ns" day />
        </span>
        <small> · after {formatDuration(skeleton.start[row])}</small>
        {moved !== 0 && (
          <small>
            {" "}
            · drawn {formatDuration(moved)} {moved > 0 ? "later" : "earlier"}
          </small>
        )}
      </>,
    ],
  ];
  if (failed || span?.status_message) {
    facts.push([
      "Status",
      <>
        <StatusBadge
          status={failed ? "error" : (span?.status ?? "unset") === "ok" ? "ok" : "unset"}
        />
        {span?.status_message && <bdi> {visible(span.status_message.slice(0, 2000))}</bdi>}
      </>,
    ]);
  }
  facts.push(["Kind", KINDS[skeleton.kind[row]!] ?? "unspecified"]);
  if (above >= 0) {
    facts.push([
      "Parent",
      <button key="parent" type="button" onClick={() => onGoTo(above)}>
        <bdi>
          {visible(skeleton.services[skeleton.service[above]!] ?? "")}{" "}
          {visible(skeleton.names[skeleton.name[above]!] ?? "")}
        </bdi>
      </button>,
    ]);
  } else if (span?.parent_span_id) {
    facts.push([
      "Parent",
      <span key="missing">
        ▲ missing: <code>{span.parent_span_id}</code>
      </span>,
    ]);
  }
  const id = spanIdOf(skeleton, row);
  facts.push([
    "Span id",
    <span key="id">
      <code>{id}</code> <Copy value={id} label="Copy the span id" />
    </span>,
  ]);
  if (span?.scope.name) {
    facts.push([
      "Scope",
      <bdi key="scope">{visible(`${span.scope.name} ${span.scope.version}`.trim())}</bdi>,
    ]);
  }
  if (span?.trace_state)
    facts.push(["Trace state", <bdi key="state">{visible(span.trace_state)}</bdi>]);
  if (dropped.length > 0) {
    facts.push([
      "Dropped",
      `▲ by the sender: ${dropped.map(([what, count]) => `${formatCount(count)} ${what}`).join(", ")}`,
    ]);
  }
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Where the duration stands among those of the operation around that time. */
function Percentile({ answer }: { answer: SpanAnswer }) {
  const { percentile } = answer;
  if (!percentile) return null;
  const { value, p50, p95, count } = percentile;
  const said =
    value >= 50
      ? `slower than ${formatPercent(value / 100)}`
      : `faster than ${formatPercent(1 - value / 100)}`;
  return (
    <>
      <div className={styles.scale} aria-hidden>
        <span style={{ left: `${value}%` }} />
      </div>
      <div>
        {said}{" "}
        <small>
          of {formatCount(count)} of this operation within 30 min · p50 {formatDuration(p50)} · p95{" "}
          {formatDuration(p95)}
        </small>
      </div>
    </>
  );
}
