import { useEffect, useState } from "react";
import { follow } from "../api/events";
import type { Arrived, Rejected } from "../api/types";
import { type Arrival, Arrivals } from "./arrivals";

export interface Live {
  arrivals: Arrival[];
  /** Refused while this page is open, the newest. */
  rejected: Rejected | null;
}

/** Follows what arrives while the page is open. */
export function useArrivals(): Live {
  const [live, setLive] = useState<Live>({ arrivals: [], rejected: null });
  useEffect(() => {
    const abort = new AbortController();
    const arrivals = new Arrivals();
    const opened = performance.now();
    follow(
      "live",
      ({ event, data }) => {
        if (event === "arrived") {
          const read = arrivals.read(JSON.parse(data) as Arrived, performance.now() - opened);
          setLive((old) => ({ ...old, arrivals: read }));
        } else if (event === "rejected") {
          setLive((old) => ({ ...old, rejected: JSON.parse(data) as Rejected }));
        }
      },
      abort.signal,
    );
    return () => abort.abort();
  }, []);
  return live;
}
