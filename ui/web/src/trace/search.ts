import { defined, type RawSearch, text } from "../app/params";

/** What the address says on the page of one trace, beside the context. */
export interface TraceSearch {
  /** The span that is open. */
  span?: string;
  view?: string;
}

export function traceSearch(raw: RawSearch): TraceSearch {
  return defined({ span: text(raw, "span"), view: text(raw, "view") }) as TraceSearch;
}
