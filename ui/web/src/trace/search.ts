import { defined, flag, int, oneOf, type RawSearch, text, texts } from "../app/params";
import { SHOW_ALL, type Shown } from "./shown";

export const VIEWS = ["waterfall", "flame", "table", "logs"] as const;
export type TraceViewName = (typeof VIEWS)[number];

export const TABS = ["attributes", "events", "links", "logs", "raw"] as const;
export type TabName = (typeof TABS)[number];

/** What the address says on the page of one trace, beside the context. */
export interface TraceSearch {
  /** The span that is open, as `referenceOf` names it. */
  span?: string;
  /** The part of the span that is open. */
  tab?: TabName;
  view?: TraceViewName;
  /** How the flame graph is laid out. */
  flame?: "merged";
  /** Column that the table is sorted by. */
  sort?: string;
  find?: string;
  only?: "matches" | "errors" | "critical";
  /** Services that are left out. */
  hide?: string[];
  /** From how many equal siblings on they are folded; 0 is never. */
  fold?: number;
  /** Part of the time that is shown: ns after the trace's start, `from-to`. */
  zoom?: string;
  /** The span that is shown as the root. */
  root?: string;
  /** Times with clock skew taken out. */
  skew?: true;
  /** The critical path is drawn. */
  path?: true;
}

export function traceSearch(raw: RawSearch): TraceSearch {
  return defined({
    span: text(raw, "span"),
    tab: oneOf(raw, "tab", TABS),
    view: oneOf(raw, "view", VIEWS),
    flame: oneOf(raw, "flame", ["merged"]),
    sort: text(raw, "sort"),
    find: text(raw, "find"),
    only: oneOf(raw, "only", ["matches", "errors", "critical"]),
    hide: texts(raw, "hide"),
    fold: int(raw, "fold", 0, 1000),
    zoom: text(raw, "zoom"),
    root: text(raw, "root"),
    skew: flag(raw, "skew"),
    path: flag(raw, "path"),
  }) as TraceSearch;
}

/** The part of the address that the worker needs to know. */
export function shownOf(search: TraceSearch): Shown {
  return {
    root: search.root ?? SHOW_ALL.root,
    hiddenServices: search.hide ?? SHOW_ALL.hiddenServices,
    only: search.only ?? SHOW_ALL.only,
    foldFrom: search.fold ?? SHOW_ALL.foldFrom,
    adjusted: search.skew ?? SHOW_ALL.adjusted,
  };
}
