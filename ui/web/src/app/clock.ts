/** The moment that `now` means, the same for all panels until the next refresh. */
import type { RouterHistory } from "@tanstack/react-router";
import { createStore } from "../kit/store";

export interface Clock {
  /** Unix ns. */
  now: bigint;
}

const wall = () => BigInt(Date.now()) * 1_000_000n;

export const clock = createStore<Clock>({ now: wall() });

/** Lets `now` be now. */
export function advance(): void {
  clock.set({ now: wall() });
}

/**
 * Another page begins with the present; Back finds a page as it was left, with the moment it had,
 * so that its answers are still there.
 */
export function followHistory(history: RouterHistory): void {
  const moments = new Map<string, Clock>();
  const keyOf = () => history.location.state.__TSR_key ?? "";
  let key = keyOf();
  let path = history.location.pathname;
  clock.subscribe(() => moments.set(key, clock.get()));
  history.subscribe(({ action }) => {
    moments.set(key, clock.get());
    const moved = history.location.pathname !== path;
    key = keyOf();
    path = history.location.pathname;
    if (action.type === "PUSH" && moved) advance();
    else if (action.type !== "PUSH" && action.type !== "REPLACE") {
      const then = moments.get(key);
      if (then) clock.set(then);
    }
  });
}
