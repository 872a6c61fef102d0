import { defined, oneOf, type RawSearch, text } from "../app/params";

const SERVICE_COLUMNS = [
  "name",
  "rate",
  "errors",
  "p50",
  "p95",
  "p99",
  "change",
  "version",
] as const;
export type ServiceColumn = (typeof SERVICE_COLUMNS)[number];

/** What the address says on pages with the table of services, beside the context. */
export interface ServicesSearch {
  by?: ServiceColumn;
  dir?: "asc" | "desc";
  /** The service whose operations are shown. */
  service?: string;
}

export function servicesSearch(raw: RawSearch): ServicesSearch {
  return defined({
    by: oneOf(raw, "by", SERVICE_COLUMNS),
    dir: oneOf(raw, "dir", ["asc", "desc"]),
    service: text(raw, "service"),
  }) as ServicesSearch;
}
