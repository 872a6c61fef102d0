/** What the logs page asks the server, for a pinned range. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { logHistogramQuery, logsQuery } from "../api/queries";
import type { Filtered } from "../api/types";
import { type Pin, pinned } from "../app/place";
import { useShownKey } from "../kit/useShownKey";
import { makeVolume } from "./volume";

/** Records of a page. */
const PAGE = 1000;
const BUCKETS = 120;

export function useRecords(pin: Pin, filtered: Filtered, order: "newest" | "oldest") {
  const asked = { ...filtered, order, limit: PAGE };
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
