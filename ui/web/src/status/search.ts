import { defined, type RawSearch, text } from "../app/params";

/** What the address says on the status page, beside the context. */
export interface StatusSearch {
  /** The rejected request that is open. */
  rejected?: string;
}

export function statusSearch(raw: RawSearch): StatusSearch {
  return defined({ rejected: text(raw, "rejected") }) as StatusSearch;
}
