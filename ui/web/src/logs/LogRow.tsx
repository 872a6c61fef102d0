/** One record in the list: when, how bad, who, what; open, its detail follows. */

import { ChevronRight } from "lucide-react";
import { memo } from "react";
import type { LogSummary } from "../api/types";
import { Cell, Row } from "../kit/Cells";
import { cx } from "../kit/cx";
import { exactTime, formatClock, formatTime, visible, visibleLines } from "../kit/format";
import { ServiceTick } from "../kit/Values";
import { AnsiText } from "./AnsiText";
import { hasAnsi } from "./ansi";
import { LogDetail } from "./LogDetail";
import { lineOf } from "./model";
import styles from "./Rows.module.css";

type Props = {
  record: LogSummary;
  index: number;
  tabIndex: 0 | -1;
  open: boolean;
  wrap: boolean;
  /** Whether the rows on screen are of more than one day. */
  days: boolean;
  zone: string;
  onToggle(id: string): void;
};

/** Drawn again only when something of it changed: most frames of a scroll bring few new rows. */
export const LogRow = memo(function LogRow({
  record,
  index,
  tabIndex,
  open,
  wrap,
  days,
  zone,
  onToggle,
}: Props) {
  const { level } = record;
  const word = record.severity_text || (level === "unset" ? "" : level);
  const toggle = () => onToggle(record.id);
  return (
    <>
      <Row
        index={index + 2}
        className={cx(styles.row, days && styles.withDay)}
        data-level={level}
        data-copy={record.id}
        data-open={open || undefined}
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
            aria-label={`Record of ${formatClock(record.time, zone)}`}
            onClick={(event) => {
              event.stopPropagation();
              toggle();
            }}
          >
            <ChevronRight size={14} aria-hidden="true" />
          </button>
        </Cell>
        <Cell className={styles.time}>
          <time title={exactTime(record.time, zone)}>
            {days ? formatTime(record.time, zone) : formatClock(record.time, zone)}
          </time>
        </Cell>
        <Cell className={styles.level} title={String(record.severity_number)}>
          {visible(word).toUpperCase()}
        </Cell>
        <Cell className={styles.service}>
          <ServiceTick name={record.service ?? ""} />
        </Cell>
        <Cell className={styles.body} data-wrap={wrap || undefined}>
          <Body record={record} wrap={wrap} />
        </Cell>
      </Row>
      {open && (
        <Row>
          <Cell>
            <LogDetail id={record.id} zone={zone} onClose={toggle} />
          </Cell>
        </Row>
      )}
    </>
  );
});

function Body({ record, wrap }: { record: LogSummary; wrap: boolean }) {
  const { body, event_name: event } = record;
  if (!body) {
    return <span className={styles.nobody}>{event ? `event ${visible(event)}` : "no body"}</span>;
  }
  if (!wrap) return visible(lineOf(body));
  return hasAnsi(body) ? <AnsiText text={body} /> : visibleLines(body);
}
