import { useMemo } from "react";
import type { Span } from "../../api/types";
import { Copy } from "../../kit/Values";
import { LongText } from "./LongText";
import styles from "./SpanPane.module.css";

export function jsonOf(span: Span): string {
  return JSON.stringify(span, null, 2);
}

/** The span as the server gives it. */
export function Raw({ span }: { span: Span }) {
  const text = useMemo(() => jsonOf(span), [span]);
  return (
    <>
      <div className={styles.tools}>
        Copy as JSON <Copy value={text} label="Copy the span as JSON" />
      </div>
      <div className={styles.list} style={{ paddingInline: 12 }}>
        <LongText value={text} form="text" />
      </div>
    </>
  );
}
