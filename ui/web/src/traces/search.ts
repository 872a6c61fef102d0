import { defined, oneOf, type RawSearch, text } from "../app/params";

const SORTS = ["newest", "oldest", "longest", "shortest", "errors"] as const;
const LENSES = ["traces", "spans"] as const;

/** What the address says on the traces page, beside the context. */
export interface TracesSearch {
  sort?: (typeof SORTS)[number];
  lens?: (typeof LENSES)[number];
  /** Box on the heatmap. */
  brush?: string;
}

export function tracesSearch(raw: RawSearch): TracesSearch {
  return defined({
    sort: oneOf(raw, "sort", SORTS),
    lens: oneOf(raw, "lens", LENSES),
    brush: text(raw, "brush"),
  }) as TracesSearch;
}
