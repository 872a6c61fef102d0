/** What the trace search asks the server, for a pinned range. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { heatmapQuery, spansQuery, tracesQuery } from "../api/queries";
import type { Filtered, HeatmapAnswer, Lens, TraceSort } from "../api/types";
import { type Pin, pinned } from "../app/place";
import { useShownKey } from "../kit/useShownKey";
import type { Heat } from "./heat";

const PAGE = 200;

export function useMatches(pin: Pin, lens: Lens, filtered: Filtered, sort: TraceSort) {
  const asked = { ...filtered, sort, limit: PAGE };
  const traces = useInfiniteQuery({
    ...pinned(tracesQuery(asked), pin),
    enabled: lens === "traces",
  });
  const spans = useInfiniteQuery({
    ...pinned(spansQuery(asked), pin),
    enabled: lens === "spans",
  });
  const query = lens === "traces" ? traces : spans;
  const listKey = useShownKey(
    JSON.stringify([lens, asked, String(pin.now)]),
    query.isPlaceholderData,
  );
  const traceRows = useMemo(() => traces.data?.pages.flatMap((page) => page.traces), [traces.data]);
  const spanRows = useMemo(() => spans.data?.pages.flatMap((page) => page.spans), [spans.data]);
  return {
    query,
    listKey,
    traces: traceRows ?? [],
    spans: spanRows ?? [],
    total: query.data?.pages[0]?.total ?? 0,
    receipt: query.data?.pages.at(-1)?.receipt,
  };
}

export function useHeat(pin: Pin, lens: Lens, filtered: Filtered) {
  const query = useQuery(pinned(heatmapQuery({ ...filtered, lens }), pin));
  const heat = useMemo(() => query.data && heatOf(query.data), [query.data]);
  return { query, heat };
}

function heatOf(answer: HeatmapAnswer): Heat {
  return {
    start: BigInt(answer.x.start),
    step: answer.x.step,
    columns: answer.x.count,
    rows: Math.max(0, answer.y.edges.length - 1),
    edges: answer.y.edges,
    counts: answer.counts,
    errors: answer.errors,
  };
}

/** How many more match by now than when the list was asked for; 0 while unknown. */
export function useNewer(lens: Lens, filtered: Filtered | null, known: number): number {
  const none = { from: "0", to: "1" };
  const asked = { ...(filtered ?? none), limit: 20 };
  const enabled = filtered !== null;
  const traces = useInfiniteQuery({ ...tracesQuery(asked), enabled: enabled && lens === "traces" });
  const spans = useInfiniteQuery({ ...spansQuery(asked), enabled: enabled && lens === "spans" });
  const total = (lens === "traces" ? traces : spans).data?.pages[0]?.total;
  return enabled && total !== undefined ? Math.max(0, total - known) : 0;
}
