import { defined, flag, oneOf, type RawSearch, text, texts } from "../app/params";
import { BYS } from "./around";

export const ORDERS = ["newest", "oldest"] as const;
export const VIEWS = ["records", "patterns", "tail"] as const;
export const RATES = ["50", "200", "1000"] as const;
export const SINCES = ["half", "quarter", "tenth", "off"] as const;

export type View = (typeof VIEWS)[number];

/** What the address says on the logs page, beside the context. */
export interface LogsSearch {
  view?: View;
  order?: (typeof ORDERS)[number];
  /** The record, or the pattern, that is open. */
  row?: string;
  /** Whether long lines are broken. */
  wrap?: true;
  /** Rows with more room. */
  density?: "comfortable";
  /** Times to the millisecond instead of every nanosecond. */
  digits?: "ms";
  /** Attributes as columns: `http.route`, `user~240`. */
  cols?: string[];
  /** Whether the list of fields is folded away. */
  fields?: "off";
  /** The record whose neighbours are shown, and what makes a neighbour. */
  around?: string;
  by?: (typeof BYS)[number];
  /** Whether only neighbours that match the filter are shown. */
  matching?: true;
  /** The most records a second that are followed. */
  rate?: (typeof RATES)[number];
  /** The part of the range, at its end, in which a pattern is new. */
  since?: (typeof SINCES)[number];
}

export function logsSearch(raw: RawSearch): LogsSearch {
  return defined({
    view: oneOf(raw, "view", VIEWS),
    order: oneOf(raw, "order", ORDERS),
    row: text(raw, "row"),
    wrap: flag(raw, "wrap"),
    density: oneOf(raw, "density", ["comfortable"]),
    digits: oneOf(raw, "digits", ["ms"]),
    cols: texts(raw, "cols"),
    fields: oneOf(raw, "fields", ["off"]),
    around: text(raw, "around"),
    by: oneOf(raw, "by", BYS),
    matching: flag(raw, "matching"),
    rate: oneOf(raw, "rate", RATES),
    since: oneOf(raw, "since", SINCES),
  }) as LogsSearch;
}
