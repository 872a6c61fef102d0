import { defined, oneOf, type RawSearch, text } from "../app/params";

const ORDERS = ["newest", "oldest"] as const;

/** What the address says on the logs page, beside the context. */
export interface LogsSearch {
  order?: (typeof ORDERS)[number];
  /** Columns, by commas. */
  cols?: string;
  /** The record that is open. */
  log?: string;
}

export function logsSearch(raw: RawSearch): LogsSearch {
  return defined({
    order: oneOf(raw, "order", ORDERS),
    cols: text(raw, "cols"),
    log: text(raw, "log"),
  }) as LogsSearch;
}
