/** One trace in the list: when, what it began with, how long, how large, who took part. */

import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { TraceSummary } from "../api/types";
import { Cell, Row } from "../kit/Cells";
import { formatCount, plural, visible } from "../kit/format";
import { Duration, ServiceTick, Time } from "../kit/Values";
import { barShare, topServices } from "./model";
import styles from "./Rows.module.css";

const SERVICES_SHOWN = 4;

type Props = {
  trace: TraceSummary;
  index: number;
  tabIndex: 0 | -1;
  longest: number;
  /** Whether the filter looks at spans, so that only some of a trace match. */
  filtered: boolean;
};

export const TraceRow = memo(function TraceRow({
  trace,
  index,
  tabIndex,
  longest,
  filtered,
}: Props) {
  const { shown, more } = topServices(trace.services, SERVICES_SHOWN);
  const partly = filtered && trace.matched < trace.spans;
  return (
    <Row index={index + 2} className={`${styles.row} ${styles.trace}`} data-copy={trace.trace_id}>
      <Cell className={styles.time}>
        <Time nanos={trace.start} />
      </Cell>
      <Cell className={styles.cell}>
        <Link
          to="/traces/$id"
          params={{ id: trace.trace_id }}
          className={styles.link}
          tabIndex={tabIndex}
          preload={false}
          data-main=""
        >
          <Root trace={trace} />
        </Link>
      </Cell>
      <DurationCell nanos={trace.duration} longest={longest} error={trace.errors > 0} />
      <Cell
        className={styles.number}
        title={partly ? `${formatCount(trace.matched)} of its spans match the filter` : undefined}
      >
        {partly && <span className={styles.matched}>{formatCount(trace.matched)} / </span>}
        {formatCount(trace.spans)}
      </Cell>
      <Cell className={styles.number}>
        {trace.errors > 0 && (
          <span
            className={styles.error}
            title={plural(trace.errors, "span failed", "spans failed")}
          >
            <span aria-hidden="true">⬢ </span>
            {formatCount(trace.errors)}
          </span>
        )}
      </Cell>
      <Cell className={styles.services}>
        <span className={styles.shares}>
          {shown.map((service) => (
            <ServiceShare key={service.name} {...service} />
          ))}
        </span>
        {more > 0 && <span>+{more}</span>}
      </Cell>
    </Row>
  );
});

/** The colour of a service and how many spans it has; its name on hover and read aloud. */
function ServiceShare({ name, spans }: { name: string; spans: number }) {
  return (
    <span className={styles.service} title={`${visible(name)}: ${plural(spans, "span")}`}>
      <span className={styles.onlyTick}>
        <ServiceTick name={name} />
      </span>
      {formatCount(spans)}
    </span>
  );
}

function Root({ trace }: { trace: TraceSummary }) {
  if (trace.root_name !== null) {
    return (
      <>
        <ServiceTick name={trace.root_service ?? ""} />
        <bdi className={styles.operation}>{visible(trace.root_name) || "(no name)"}</bdi>
      </>
    );
  }
  const [first] = topServices(trace.services, 1).shown;
  return (
    <>
      {first && <ServiceTick name={first.name} />}
      <span className={styles.missing} title="Its first span names a parent that never arrived">
        root not received
      </span>
    </>
  );
}

type DurationProps = { nanos: number | null; longest: number; error: boolean };

export function DurationCell({ nanos, longest, error }: DurationProps) {
  return (
    <Cell className={styles.duration}>
      <Duration nanos={nanos} />
      <span className={styles.track}>
        {nanos !== null && (
          <span
            className={styles.bar}
            data-error={error || undefined}
            style={{ width: `${100 * barShare(nanos, longest)}%` }}
          />
        )}
      </span>
    </Cell>
  );
}
