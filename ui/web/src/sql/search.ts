import { defined, type RawSearch, text } from "../app/params";

/** What the address says on the SQL page, beside the context. */
export interface SqlSearch {
  sql?: string;
  view?: string;
}

export function sqlSearch(raw: RawSearch): SqlSearch {
  return defined({ sql: text(raw, "sql"), view: text(raw, "view") }) as SqlSearch;
}
