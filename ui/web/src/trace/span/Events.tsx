import type { Attr, Span } from "../../api/types";
import { formatDuration, plural, visible } from "../../kit/format";
import { Time } from "../../kit/Values";
import { formOf } from "../values";
import { LongText } from "./LongText";
import styles from "./SpanPane.module.css";

/** The events of the span in time order; exceptions with type, message and stack. */
export function Events({ span }: { span: Span }) {
  const start = BigInt(span.start);
  const events = [...span.events].sort((a, b) => (BigInt(a.time) < BigInt(b.time) ? -1 : 1));
  return (
    <ol className={styles.list}>
      {events.map((event, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no other name
        <li key={at} className={styles.item}>
          <header>
            <span aria-hidden className={event.name === "exception" ? styles.error : undefined}>
              {event.name === "exception" ? "◆" : "◇"}
            </span>
            <h4>
              <bdi>{visible(titleOf(event.name, event.attributes))}</bdi>
            </h4>
            <small>
              +{formatDuration(BigInt(event.time) - start)} ·{" "}
              <Time nanos={event.time} digits="us" />
            </small>
          </header>
          <Pairs attributes={event.attributes} />
          {event.dropped > 0 && <p>▲ {plural(event.dropped, "attribute")} dropped by the sender</p>}
        </li>
      ))}
    </ol>
  );
}

/** `exception CardDeclined`; other events have a name of their own. */
function titleOf(name: string, attributes: readonly Attr[]): string {
  const type = attributes.find(({ key }) => key === "exception.type")?.value;
  return name === "exception" && type ? `exception ${type}` : name;
}

export function Pairs({ attributes }: { attributes: readonly Attr[] }) {
  return (
    <dl className={styles.pairs}>
      {attributes.map(({ key, type, value }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a key may be repeated
        <Pair key={at} name={key} type={type} value={value} />
      ))}
    </dl>
  );
}

function Pair({ name, type, value }: { name: string; type: Attr["type"]; value: string }) {
  return (
    <>
      <dt>
        <bdi>{visible(name)}</bdi>
      </dt>
      <dd>
        <LongText value={value} form={formOf(name, type, value)} />
      </dd>
    </>
  );
}
