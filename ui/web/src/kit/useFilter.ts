import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";
import { ApiError, isFilterError } from "../api/client";
import type { Table } from "../api/types";
import { useContext } from "../app/context";
import { filterFor } from "./filter";

/** The filter of the address as a page over `table` sends it; undefined when nothing is left. */
export function useFilter(table: Table): string | undefined {
  const { q = "" } = useContext();
  const sent = filterFor(q, table);
  return sent.trim() === "" ? undefined : sent;
}

export interface FilterError {
  message: string;
  hint: string | null;
  /** Characters from the beginning of the filter. */
  offset: number | null;
}

/** What the server said of the filter `sent`, in the answer to any question of this page. */
export function useFilterError(sent: string | undefined): FilterError | null {
  const cache = useQueryClient().getQueryCache();
  const subscribe = useCallback((changed: () => void) => cache.subscribe(changed), [cache]);
  const found = useSyncExternalStore(subscribe, () => {
    if (sent === undefined) return null;
    for (const query of cache.getAll()) {
      const { error } = query.state;
      if (!isFilterError(error)) continue;
      if (query.getObserversCount() > 0 && filterOf(query.queryKey)?.includes(sent)) return query;
    }
    return null;
  });
  const error = found?.state.error;
  if (!found || !(error instanceof ApiError) || sent === undefined) return null;
  const before = filterOf(found.queryKey)?.indexOf(sent) ?? 0;
  const offset = error.offset === null ? null : Math.max(0, error.offset - before);
  return { message: error.message, hint: error.hint, offset };
}

function filterOf(key: readonly unknown[]): string | undefined {
  const params = key[1];
  if (typeof params !== "object" || params === null || !("q" in params)) return undefined;
  return typeof params.q === "string" ? params.q : undefined;
}
