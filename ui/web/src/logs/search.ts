import { defined, flag, oneOf, type RawSearch, text } from "../app/params";

export const ORDERS = ["newest", "oldest"] as const;

/** What the address says on the logs page, beside the context. */
export interface LogsSearch {
  order?: (typeof ORDERS)[number];
  /** The record that is open. */
  row?: string;
  /** Whether long lines are broken. */
  wrap?: true;
  /** Whether the list of fields is folded away. */
  fields?: "off";
}

export function logsSearch(raw: RawSearch): LogsSearch {
  return defined({
    order: oneOf(raw, "order", ORDERS),
    row: text(raw, "row"),
    wrap: flag(raw, "wrap"),
    fields: oneOf(raw, "fields", ["off"]),
  }) as LogsSearch;
}
