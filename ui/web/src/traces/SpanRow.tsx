/** One span in the list; it opens its trace at that span. */

import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { SpanSummary } from "../api/types";
import { Cell, Row } from "../kit/Cells";
import { visible } from "../kit/format";
import { ServiceTick, StatusBadge, Time } from "../kit/Values";
import styles from "./Rows.module.css";
import { DurationCell } from "./TraceRow";

type Props = { span: SpanSummary; index: number; tabIndex: 0 | -1; longest: number };

export const SpanRow = memo(function SpanRow({ span, index, tabIndex, longest }: Props) {
  return (
    <Row index={index + 2} className={`${styles.row} ${styles.span}`} data-copy={span.span_id}>
      <Cell className={styles.time}>
        <Time nanos={span.start} />
      </Cell>
      <Cell className={styles.cell}>
        <Link
          to="/traces/$id"
          params={{ id: span.trace_id }}
          search={(old: object) => ({ ...old, span: span.span_id }) as never}
          className={styles.link}
          tabIndex={tabIndex}
          preload={false}
          data-main=""
        >
          <ServiceTick name={span.service} />
          <bdi className={styles.operation}>{visible(span.name) || "(no name)"}</bdi>
        </Link>
      </Cell>
      <Cell className={styles.quiet}>{span.kind === "unspecified" ? "" : span.kind}</Cell>
      <Cell>{span.status !== "unset" && <StatusBadge status={span.status} />}</Cell>
      <DurationCell nanos={span.duration} longest={longest} error={span.status === "error"} />
      <Cell className={styles.id}>{span.trace_id.slice(0, 8)}</Cell>
    </Row>
  );
});
