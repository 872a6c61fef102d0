/** What the logs page shows and asks, worked out without a browser. */
import type { Log } from "../api/types";
import { stripAnsi } from "./ansi";

/** Characters of a body that a row shows; the rest is in the row's detail. */
export const LINE_MAX = 1_000;

/** A body as one line: without terminal sequences, line ends shown as a sign. */
export function lineOf(body: string): string {
  const cut = body.length > LINE_MAX * 2 ? body.slice(0, LINE_MAX * 2) : body;
  const line = stripAnsi(cut).replace(/\r?\n/g, " ↵ ").replace(/\t/g, " ");
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
}

/** The range of the rows on screen, whichever way they are sorted. */
export function visibleRange(first: string | undefined, last: string | undefined) {
  if (first === undefined || last === undefined) return null;
  const [a, b] = [BigInt(first), BigInt(last)];
  return a < b ? { from: a, to: b } : { from: b, to: a };
}

/** A record as JSON that can be pasted elsewhere: names as in OpenTelemetry, every digit of times. */
export function recordJson(log: Log): string {
  const attributes = (list: Log["attributes"]) =>
    Object.fromEntries(list.map((attr) => [attr.key, attr.value]));
  return JSON.stringify(
    {
      time: log.time,
      observed_time: log.observed,
      severity_number: log.severity_number,
      severity_text: log.severity_text,
      service: log.service,
      event_name: log.event_name,
      body: log.body_json ?? log.body,
      trace_id: log.trace_id,
      span_id: log.span_id,
      scope: log.scope,
      attributes: attributes(log.attributes),
      resource: attributes(log.resource_attributes),
      scope_attributes: attributes(log.scope_attributes),
    },
    null,
    2,
  );
}
