import { useEffect, useState } from "react";
import { follow } from "../api/events";
import type { Arrived, Rejected } from "../api/types";
import { type Arrival, Arrivals } from "./arrivals";

export interface Live {
  arrivals: Arrival[];
  /** Refused while this page is open, the newest. */
  rejected: Rejected | null;
}

/** Follows what arrives while the page is open; `empty`: the store had nothing before. */
export function useArrivals(empty: boolean): Live {
  const [live, setLive] = useState<Live>({ arrivals: [], rejected: null });
  useEffect(() => {
    const abort = new AbortController();
    const arrivals = new Arrivals(empty);
    follow(
      "live",
      ({ event, data }) => {
        if (event === "arrived") {
          const read = arrivals.read(JSON.parse(data) as Arrived);
          setLive((old) => ({ ...old, arrivals: read }));
        } else if (event === "rejected") {
          setLive((old) => ({ ...old, rejected: JSON.parse(data) as Rejected }));
        }
      },
      abort.signal,
    );
    return () => abort.abort();
  }, [empty]);
  return live;
}
