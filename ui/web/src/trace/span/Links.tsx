import { Link } from "@tanstack/react-router";
import type { Span } from "../../api/types";
import { plural } from "../../kit/format";
import { Copy } from "../../kit/Values";
import type { Trace } from "../session";
import { rowOfReference } from "../skeleton";
import { Pairs } from "./Events";
import styles from "./SpanPane.module.css";

interface Props {
  span: Span;
  trace: Trace;
  onGoTo(row: number): void;
}

/** What this span points to, in this trace or in others. */
export function Links({ span, trace, onGoTo }: Props) {
  const { skeleton } = trace.opened;
  return (
    <ol className={styles.list}>
      {span.links.map((link, at) => {
        const row = link.trace_id === span.trace_id ? rowOfReference(skeleton, link.span_id) : -1;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: links have no other name
          <li key={at} className={styles.item}>
            <header>
              <span aria-hidden>↗</span>
              <h4>{row >= 0 ? "In this trace" : "In another trace"}</h4>
              <small>
                <Copy value={`${link.trace_id}-${link.span_id}`} label="Copy both ids" />
              </small>
            </header>
            <dl className={styles.facts} style={{ padding: 0 }}>
              <dt>Trace</dt>
              <dd>
                <Link
                  to="/traces/$id"
                  params={{ id: link.trace_id }}
                  search={({ from, to, tz, live }: Record<string, unknown>) =>
                    ({ from, to, tz, live }) as never
                  }
                >
                  <code>{link.trace_id}</code>
                </Link>
              </dd>
              <dt>Span</dt>
              <dd>
                {row >= 0 ? (
                  <button type="button" onClick={() => onGoTo(row)}>
                    <code>{link.span_id}</code>
                  </button>
                ) : (
                  <Link
                    to="/traces/$id"
                    params={{ id: link.trace_id }}
                    search={({ from, to, tz, live }: Record<string, unknown>) =>
                      ({ from, to, tz, live, span: link.span_id }) as never
                    }
                  >
                    <code>{link.span_id}</code>
                  </Link>
                )}
              </dd>
            </dl>
            <Pairs attributes={link.attributes} />
            {link.dropped > 0 && <p>▲ {plural(link.dropped, "attribute")} dropped by the sender</p>}
          </li>
        );
      })}
    </ol>
  );
}
