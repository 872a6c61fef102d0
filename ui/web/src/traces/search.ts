import { defined, oneOf, type RawSearch, text } from "../app/params";

export const SORTS = ["newest", "oldest", "longest", "shortest", "errors"] as const;
export const LENSES = ["traces", "spans"] as const;

/** What the address says on the traces page, beside the context. */
export interface TracesSearch {
  sort?: (typeof SORTS)[number];
  lens?: (typeof LENSES)[number];
  /** Box on the heatmap. */
  brush?: string;
  /** Whether the list of fields is folded away. */
  fields?: "off";
}

export function tracesSearch(raw: RawSearch): TracesSearch {
  return defined({
    sort: oneOf(raw, "sort", SORTS),
    lens: oneOf(raw, "lens", LENSES),
    brush: text(raw, "brush"),
    fields: oneOf(raw, "fields", ["off"]),
  }) as TracesSearch;
}
