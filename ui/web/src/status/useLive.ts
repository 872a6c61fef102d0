import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { follow } from "../api/events";
import { rejectedQuery } from "../api/queries";
import type { Arrived, Rejected, RejectedAnswer } from "../api/types";
import { type Sample, type SourceRate, sourceRates, withSample } from "./live";
import { withFresh } from "./refusals";

export interface Live {
  arrived: Arrived | null;
  sources: SourceRate[];
  samples: Sample[];
}

const NOTHING: Live = { arrived: null, sources: [], samples: [] };
export const REFUSALS_MAX = 200;

/** What arrives, as the server tells it; new refusals are put into their query's answer. */
export function useLive(): Live {
  const [live, setLive] = useState(NOTHING);
  const client = useQueryClient();
  const before = useRef<{ arrived: Arrived; at: number } | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    follow(
      "live",
      ({ event, data }) => {
        if (event === "rejected") {
          const fresh = JSON.parse(data) as Rejected & { not_shown?: number };
          client.setQueryData<RejectedAnswer>(rejectedQuery(REFUSALS_MAX).queryKey, (old) =>
            old === undefined
              ? old
              : {
                  rejected: withFresh(old.rejected, [fresh], REFUSALS_MAX),
                  total: old.total + 1 + (fresh.not_shown ?? 0),
                },
          );
        } else if (event === "arrived") {
          const arrived = JSON.parse(data) as Arrived;
          const at = Number(BigInt(arrived.time) / 1_000_000n);
          const old = before.current;
          before.current = { arrived, at };
          const seconds = old === null ? 0 : (at - old.at) / 1000;
          setLive(({ samples }) => ({
            arrived,
            sources: sourceRates(old?.arrived ?? null, arrived, seconds),
            samples: withSample(samples, { at, totals: arrived.totals }),
          }));
        }
      },
      controller.signal,
    );
    return () => controller.abort();
  }, [client]);
  return live;
}

/** The wall clock in milliseconds, each second while the page is visible. */
export function useSecond(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setNow(Date.now());
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
