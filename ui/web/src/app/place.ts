/**
 * Where a reader is in a list: the range as it was when they came, and how far they scrolled.
 *
 * A place belongs to one entry of the history, so Back finds the same rows at the same height. When
 * the clock moves on (refresh), a reader at the top sees the newest rows; one who has scrolled down
 * or opened a row keeps what they look at, and is told that there is more.
 */
import { useLocation } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
import { type TimeRange, useTimeRange } from "./context";

/** A range that stands still. */
export type Pin = Pick<TimeRange, "from" | "to" | "bounds" | "now" | "zone"> & {
  /** As the address has it: another text is another range. */
  text: string;
};

type Place = { pin: Pin; top: number };

const PLACES_MAX = 100;
const places = new Map<string, Place>();

function save(key: string, place: Place) {
  places.delete(key);
  places.set(key, place);
  const oldest = places.keys().next().value;
  if (places.size > PLACES_MAX && oldest !== undefined) places.delete(oldest);
}

function pinOf(time: TimeRange): Pin {
  const { from, to, bounds, now, zone, range } = time;
  return { from, to, bounds, now, zone, text: `${range.from} ${range.to}` };
}

type State = { key: string; pin: Pin; startTop: number; scrolled: boolean };

function stateAt(key: string, time: TimeRange, before: State | null): State {
  const fresh = pinOf(time);
  const place = places.get(key);
  if (place?.pin.text === fresh.text) {
    return { key, pin: place.pin, startTop: place.top, scrolled: place.top > 0 };
  }
  const pin = before?.pin.text === fresh.text ? before.pin : fresh;
  return { key, pin, startTop: 0, scrolled: before?.scrolled ?? false };
}

/** `open`: whether something in the list is open and must not move. */
export function usePlace(open: boolean) {
  const key = useLocation({ select: (location) => location.state.__TSR_key ?? "" });
  const time = useTimeRange();
  const fresh = pinOf(time);
  const [kept, setKept] = useState(() => stateAt(key, time, null));
  let state = kept.key === key ? kept : stateAt(key, time, kept);
  const held = open || state.scrolled || selecting();
  const behind = state.pin.now !== fresh.now;
  if (state.pin.text !== fresh.text || (behind && !held)) {
    state = { ...state, pin: fresh, startTop: 0 };
  } else if (state.pin.zone !== fresh.zone) {
    state = { ...state, pin: { ...state.pin, zone: fresh.zone } };
  }
  if (state !== kept) setKept(state);

  const { pin, startTop } = state;
  useEffect(() => {
    save(key, { pin, top: startTop });
  }, [key, pin, startTop]);

  /** Called with how far the list is scrolled. */
  const remember = useCallback(
    (now: number) => {
      save(key, { pin, top: now });
      setKept((old) => (old.scrolled === now > 0 ? old : { ...old, scrolled: now > 0 }));
    },
    [key, pin],
  );

  /** Goes to the newest rows. */
  const catchUp = useCallback(() => {
    setKept((old) => ({ ...old, pin: fresh, startTop: 0, scrolled: false }));
  }, [fresh]);

  return {
    pin,
    startTop,
    remember,
    catchUp,
    /** The pinned range and what came since, while the list is held and the clock went on. */
    newer: behind && held && time.relative ? { from: pin.from, to: time.to } : null,
  };
}

function selecting(): boolean {
  const selection = window.getSelection();
  return selection !== null && !selection.isCollapsed;
}

/** Answers over a range that stands still do not grow old; Back finds them for this long. */
const KEPT_MS = 15 * 60_000;

/** A query over a pinned range: asked once for each pin, also when a refresh has the same range. */
export function pinned<T extends { queryKey: readonly unknown[] }>(options: T, pin: Pin) {
  const queryKey = [...options.queryKey, String(pin.now)] as unknown as T["queryKey"];
  return { ...options, queryKey, staleTime: "static", gcTime: KEPT_MS } as const;
}
