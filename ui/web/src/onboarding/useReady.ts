import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { LogsAnswer, MetricsAnswer, TracesAnswer } from "../api/types";
import type { Arrival } from "./arrivals";

const HOUR = 3_600_000;
const EVERY_MS = 500;

export interface Ready {
  traces: boolean;
  logs: boolean;
  metrics: boolean;
}

/** Which pages have something to show: asked after data arrived, until they say so. */
export function useReady(arrivals: readonly Arrival[]): Ready {
  const came = (...signals: string[]) => arrivals.some(({ signal }) => signals.includes(signal));
  return {
    traces: useShown("traces", came("traces", "spans"), (range, signal) =>
      get<TracesAnswer>("search/traces", { ...range, limit: 20 }, signal).then(
        (answer) => answer.traces.length > 0,
      ),
    ),
    logs: useShown("logs", came("logs"), (range, signal) =>
      get<LogsAnswer>("search/logs", { ...range, limit: 1 }, signal).then(
        (answer) => answer.logs.length > 0,
      ),
    ),
    metrics: useShown("metrics", came("metrics"), (range, signal) =>
      get<MetricsAnswer>("metrics", { ...range, limit: 1 }, signal).then(
        (answer) => answer.metrics.length > 0,
      ),
    ),
  };
}

interface Range {
  from: string;
  to: string;
}

function useShown(
  page: string,
  asked: boolean,
  ask: (range: Range, signal: AbortSignal) => Promise<boolean>,
): boolean {
  const { data } = useQuery({
    queryKey: ["onboarding ready", page],
    queryFn: ({ signal }) => {
      const now = Date.now();
      return ask({ from: `${now - HOUR}000000`, to: `${now}000000` }, signal);
    },
    enabled: asked,
    retry: false,
    refetchInterval: (query) => (query.state.data === true ? false : EVERY_MS),
  });
  return data === true;
}
