/** Refreshing: by hand, and by itself without taking anybody's place. */
import { type Query, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import { createStore, useStore } from "../kit/store";
import { advance } from "./clock";
import { type LiveStep, useContext, useTimeRange } from "./context";

const STEP_MS: Record<LiveStep, number> = {
  "2s": 2000,
  "5s": 5000,
  "10s": 10_000,
  "30s": 30_000,
  "1m": 60_000,
};

/** How many parts of the page ask for quiet: an open row, a list that was scrolled. */
const holds = createStore(0);

/** While `held`, the page does not refresh by itself. */
export function useHold(held: boolean): void {
  useEffect(() => {
    if (!held) return;
    holds.set(holds.get() + 1);
    return () => holds.set(holds.get() - 1);
  }, [held]);
}

/** Whether refreshing by itself waits for a row to be closed. */
export const useHeld = () => useStore(holds) > 0;

function selecting(): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && selection.toString() !== "";
}

function overRange(query: Query): boolean {
  const params = query.queryKey[1];
  return typeof params === "object" && params !== null && "from" in params;
}

/**
 * Questions over a range that moves with the clock are new ones once `now` moved; those over a
 * fixed range are asked again.
 */
function refreshRanges(client: QueryClient, relative: boolean): void {
  advance();
  if (!relative) client.invalidateQueries({ predicate: overRange });
}

/** Asks again for all that is on the page; `now` is the present. */
export function useRefresh(): () => void {
  const client = useQueryClient();
  const { relative } = useTimeRange();
  return useCallback(() => {
    refreshRanges(client, relative);
    client.invalidateQueries({ predicate: (query) => !overRange(query) });
  }, [client, relative]);
}

/** Refreshes every `live` of the address; waits while somebody reads. Once, in the shell. */
export function useAutoRefresh(): void {
  const { live } = useContext();
  const { relative } = useTimeRange();
  const client = useQueryClient();
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => {
      const busy = client.isFetching() > 0;
      if (document.hidden || holds.get() > 0 || selecting() || busy) return;
      refreshRanges(client, relative);
    }, STEP_MS[live]);
    return () => clearInterval(timer);
  }, [live, client, relative]);
}
