/** The moment that `now` means, the same for all panels until the next refresh. */
import { createStore } from "../kit/store";

export interface Clock {
  /** Unix ns. */
  now: bigint;
  /** Counts refreshes, for what does not depend on the range. */
  tick: number;
}

const wall = () => BigInt(Date.now()) * 1_000_000n;

export const clock = createStore<Clock>({ now: wall(), tick: 0 });

/** Lets `now` be now. */
export function advance(): void {
  clock.set({ now: wall(), tick: clock.get().tick + 1 });
}
