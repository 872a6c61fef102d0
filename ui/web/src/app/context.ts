/** The query and time context that all pages share; it lives in the address. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Nanos } from "../api/types";
import { useStore } from "../kit/store";
import { zoneName } from "../kit/zone";
import { advance, clock } from "./clock";
import { defined, oneOf, type RawSearch, text } from "./params";
import { type Bounds, bounds, DEFAULT_RANGE, described, isRelative, type RangeText } from "./range";

export const LIVE_STEPS = ["2s", "5s", "10s", "30s", "1m"] as const;
export type LiveStep = (typeof LIVE_STEPS)[number];

export interface Context {
  from?: string;
  to?: string;
  tz?: string;
  /** Filter text. */
  q?: string;
  live?: LiveStep;
}

/** Kept when one page leads to another. */
export const CONTEXT_KEYS = ["from", "to", "tz", "q", "live"] as const;

export function validateContext(raw: RawSearch): Context {
  return defined({
    from: text(raw, "from"),
    to: text(raw, "to"),
    tz: text(raw, "tz"),
    q: text(raw, "q"),
    live: oneOf(raw, "live", LIVE_STEPS),
  }) as Context;
}

export function useContext(): Context {
  return useSearch({ strict: false, select: validateContext, structuralSharing: true }) as Context;
}

/** Changes the context; keys set to undefined go. `push` makes a step that Back undoes. */
export function useSetContext(): (change: Context, how?: "push" | "replace") => void {
  const navigate = useNavigate();
  return useCallback(
    (change, how = "push") => {
      if ("from" in change || "to" in change) advance();
      navigate({
        to: ".",
        search: (old: object) => ({ ...old, ...change }) as never,
        replace: how === "replace",
        resetScroll: false,
      });
    },
    [navigate],
  );
}

export interface TimeRange {
  /** Unix ns as decimal text, for requests. */
  from: Nanos;
  to: Nanos;
  /** The same, to reckon with. */
  bounds: Bounds;
  /** As the address has it. */
  range: RangeText;
  /** `Last 1 h`. */
  text: string;
  /** Whether it moves with the clock. */
  relative: boolean;
  /** Name of the zone in which times are shown. */
  zone: string;
  /** Unix ns of the last refresh. */
  now: bigint;
}

/** The range of the address at the last refresh; the default where it makes no sense. */
export function useTimeRange(): TimeRange {
  const { from, to, tz } = useContext();
  const { now } = useStore(clock);
  return useMemo(() => {
    const asked = { from: from ?? DEFAULT_RANGE.from, to: to ?? DEFAULT_RANGE.to };
    const understood = bounds(asked, now) !== null;
    const range = understood ? asked : DEFAULT_RANGE;
    const found = bounds(range, now) ?? { from: now - 3_600_000_000_000n, to: now };
    const zone = zoneName(tz);
    return {
      from: found.from.toString(),
      to: found.to.toString(),
      bounds: found,
      range,
      text: described(range, now, zone),
      relative: isRelative(range),
      zone,
      now,
    };
  }, [from, to, tz, now]);
}
