/** What the logs page asks the server, for a pinned range. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { logContextPage, logHistogramQuery, logPatternsQuery, logsQuery } from "../api/queries";
import type { Filtered, StreamBy } from "../api/types";
import { type Pin, pinned } from "../app/place";
import { useShownKey } from "../kit/useShownKey";
import { FIRST_LINES, type Side, sideAfter, sideBefore } from "./around";
import { makeVolume } from "./volume";

/** Records of a page. */
const PAGE = 1000;
const BUCKETS = 120;
/** Patterns that are listed, and steps of their trends. */
const PATTERNS = 200;
const TREND = 40;

export function useRecords(
  pin: Pin,
  filtered: Filtered,
  order: "newest" | "oldest",
  columns: string[],
) {
  const asked = { ...filtered, order, limit: PAGE, columns: columns.join(",") };
  const query = useInfiniteQuery(pinned(logsQuery(asked), pin));
  const listKey = useShownKey(JSON.stringify([asked, String(pin.now)]), query.isPlaceholderData);
  const records = useMemo(() => query.data?.pages.flatMap((page) => page.logs) ?? [], [query.data]);
  return {
    query,
    listKey,
    records,
    total: query.data?.pages[0]?.total ?? 0,
    receipt: query.data?.pages.at(-1)?.receipt,
  };
}

/** The lines around a record, more of them on both sides as they are needed. */
export function useAround(id: string, by: StreamBy | undefined, q: string, columns: string[]) {
  const asked = { q, columns: columns.join(",") };
  const first: Side = { id, before: FIRST_LINES, after: FIRST_LINES };
  return useInfiniteQuery({
    queryKey: ["logs/context", { id, by, ...asked }, "pages"],
    queryFn: ({ signal, pageParam: { id: around, ...sides } }) =>
      logContextPage(around, { ...asked, ...sides, by }, signal),
    initialPageParam: first,
    getPreviousPageParam: sideBefore,
    getNextPageParam: sideAfter,
    placeholderData: keepPreviousData,
    staleTime: "static" as const,
  });
}

export function usePatterns(pin: Pin, filtered: Filtered, since: string | null) {
  const asked = { ...filtered, limit: PATTERNS, buckets: TREND, since: since ?? "" };
  return useQuery(pinned(logPatternsQuery(asked), pin));
}

export function useVolume(pin: Pin, filtered: Filtered) {
  const query = useQuery(pinned(logHistogramQuery({ ...filtered, buckets: BUCKETS }), pin));
  const { data } = query;
  const volume = useMemo(
    () => data && makeVolume(BigInt(data.start), data.step, data.count, data.series),
    [data],
  );
  return { query, volume };
}

/** How many more match by now than when the list was asked for; 0 while unknown. */
export function useNewer(filtered: Filtered | null, known: number): number {
  const asked = { ...(filtered ?? { from: "0", to: "1" }), limit: 20 };
  const query = useInfiniteQuery({ ...logsQuery(asked), enabled: filtered !== null });
  const total = query.data?.pages[0]?.total;
  return filtered !== null && total !== undefined ? Math.max(0, total - known) : 0;
}
