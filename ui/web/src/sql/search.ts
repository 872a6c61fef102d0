import { defined, flag, oneOf, type RawSearch, text } from "../app/params";

export const VIEWS = ["table", "line", "bar", "scatter"] as const;
export type View = (typeof VIEWS)[number];
const SIDES = ["tables", "starters", "history"] as const;
export type Side = (typeof SIDES)[number];

/** What the address says on the SQL page, beside the context. */
export interface SqlSearch {
  /** The text of the editor. */
  sql?: string;
  /** Run it when the page opens; otherwise a click does. */
  run?: true;
  view?: View;
  side?: Side;
}

export function sqlSearch(raw: RawSearch): SqlSearch {
  return defined({
    sql: text(raw, "sql"),
    run: flag(raw, "run"),
    view: oneOf(raw, "view", VIEWS),
    side: oneOf(raw, "side", SIDES),
  }) as SqlSearch;
}
