/** One record in the list: when, how bad, who, what; open, its detail follows. */

import { ChevronRight } from "lucide-react";
import { memo } from "react";
import type { LogSummary } from "../api/types";
import { Cell, Row } from "../kit/Cells";
import { exactTime, formatClock, formatDay, visible, visibleLines } from "../kit/format";
import { ServiceTick } from "../kit/Values";
import { AnsiText } from "./AnsiText";
import { hasAnsi } from "./ansi";
import { LogDetail } from "./LogDetail";
import { lineOf } from "./model";
import styles from "./Rows.module.css";
import type { RowLayout } from "./rowlayout";

type Props = {
  record: LogSummary;
  index: number;
  tabIndex: 0 | -1;
  open: boolean;
  /** The record whose neighbours are shown. */
  marked?: boolean;
  layout: RowLayout;
  onToggle(id: string): void;
};

/** Drawn again only when something of it changed: most frames of a scroll bring few new rows. */
export const LogRow = memo(function LogRow(props: Props) {
  const { record, index, tabIndex, open, marked, layout, onToggle } = props;
  const { level } = record;
  const word = record.severity_text || (level === "unset" ? "" : level);
  const toggle = () => onToggle(record.id);
  return (
    <>
      <Row
        index={index + 2}
        className={styles.row}
        data-level={level}
        data-copy={record.id}
        data-open={open || undefined}
        data-marked={marked || undefined}
        aria-current={marked || undefined}
        // Text that is being selected must not open the row.
        onClick={() => window.getSelection()?.isCollapsed !== false && toggle()}
      >
        <Cell>
          <button
            type="button"
            className={styles.toggle}
            tabIndex={tabIndex}
            data-main=""
            aria-expanded={open}
            aria-label={`Record of ${formatClock(record.time, layout.zone)}`}
            onClick={(event) => {
              event.stopPropagation();
              toggle();
            }}
          >
            <ChevronRight size={14} aria-hidden="true" />
          </button>
        </Cell>
        <Cell className={styles.time}>
          <RowTime time={record.time} layout={layout} />
        </Cell>
        <Cell className={styles.level} title={String(record.severity_number)}>
          {visible(word).toUpperCase()}
        </Cell>
        <Cell className={styles.service}>
          <ServiceTick name={record.service ?? ""} />
        </Cell>
        {layout.columns.map(({ key }, at) => (
          <Chosen key={key} value={record.columns?.[at] ?? null} />
        ))}
        <Cell className={styles.body} data-wrap={layout.wrap || undefined}>
          <Body record={record} wrap={layout.wrap} />
        </Cell>
      </Row>
      {open && (
        <Row>
          <Cell>
            <LogDetail id={record.id} zone={layout.zone} onClose={toggle} />
          </Cell>
        </Row>
      )}
    </>
  );
});

/** What differs between rows of one millisecond is quieter than the rest. */
function RowTime({ time, layout }: { time: string; layout: RowLayout }) {
  const { days, digits, zone } = layout;
  const clock = formatClock(time, zone, digits);
  return (
    <time title={exactTime(time, zone)}>
      {days && <span className={styles.fine}>{formatDay(time, zone)} </span>}
      {clock.slice(0, 12)}
      {digits === "ns" && <span className={styles.fine}>{clock.slice(12)}</span>}
    </time>
  );
}

function Chosen({ value }: { value: string | null }) {
  return (
    <Cell className={styles.chosen} title={value ?? "not there"}>
      {value === null ? <span className={styles.nobody}>–</span> : <bdi>{visible(value)}</bdi>}
    </Cell>
  );
}

function Body({ record, wrap }: { record: LogSummary; wrap: boolean }) {
  const { body, event_name: event } = record;
  if (!body) {
    return <span className={styles.nobody}>{event ? `event ${visible(event)}` : "no body"}</span>;
  }
  if (!wrap) return visible(lineOf(body));
  return hasAnsi(body) ? <AnsiText text={body} /> : visibleLines(body);
}
