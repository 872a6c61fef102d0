/** Moving through time: steps, zoom, copy and paste of ranges, and their keys. */
import { useCallback, useMemo } from "react";
import { readSaved, save } from "../kit/saved";
import { createStore, useStore } from "../kit/store";
import { copyText } from "../kit/Values";
import { announce } from "./announce";
import type { Binding } from "./chords";
import { useSetContext, useTimeRange } from "./context";
import { parseRange } from "./freetime";
import { useKeys } from "./keys";
import { absolute, isRelative, type RangeText, stepped, zoomed } from "./range";

const RECENT = "ranges";
const RECENT_MAX = 6;

const recent = createStore<readonly RangeText[]>(readSaved<RangeText[]>(RECENT, []));

/** Ranges that were chosen here before, the newest first. */
export const useRecentRanges = () => useStore(recent);

function remember(range: RangeText): void {
  const others = recent.get().filter((old) => old.from !== range.from || old.to !== range.to);
  recent.set([range, ...others].slice(0, RECENT_MAX));
  save(RECENT, recent.get());
}

/** Whether the picker is open; `t c` opens it from anywhere. */
export const pickerOpen = createStore(false);

export function useTimeSteps() {
  const setContext = useSetContext();
  const { bounds, range, zone, now } = useTimeRange();

  const set = useCallback(
    (next: RangeText, kept = true) => {
      if (kept) remember(next);
      setContext({ from: next.from, to: next.to });
    },
    [setContext],
  );

  return useMemo(
    () => ({
      set,
      /** By one length; a relative range becomes an absolute one. */
      step: (direction: -1 | 1) => set(absolute(stepped(bounds, direction)), false),
      zoom: (factor: number) => set(absolute(zoomed(bounds, factor)), false),
      hasLater: bounds.to < now,
      async copy() {
        const text = JSON.stringify(isRelative(range) ? range : absolute(bounds));
        announce((await copyText(text)) ? "Time range copied" : "The range could not be copied");
      },
      async paste() {
        const text = await navigator.clipboard?.readText().catch(() => "");
        const found = parseRange(text ?? "", now, zone);
        if (found) set(found);
        announce(found ? "Time range pasted" : "There is no time range on the clipboard");
        return found !== null;
      },
    }),
    [set, bounds, range, now, zone],
  );
}

/** `t` and then a key, on every page. */
export function useTimeKeys(): void {
  const steps = useTimeSteps();
  const key = (keys: string, name: string, run: () => void): Binding => ({
    keys,
    name,
    group: "Time",
    run,
  });
  useKeys([
    key("t ArrowLeft", "Earlier by one range", () => steps.step(-1)),
    key("t ArrowRight", "Later by one range", () => steps.hasLater && steps.step(1)),
    key("t +", "Zoom in: half the time", () => steps.zoom(0.5)),
    key("t -", "Zoom out: twice the time", () => steps.zoom(2)),
    key("t t", "Choose a time range", () => pickerOpen.set(true)),
    key("t c", "Copy the time range", () => void steps.copy()),
    key("t v", "Paste a time range", () => void steps.paste()),
    key("t z", "Back to the last hour", () => steps.set({ from: "now-1h", to: "now" }, false)),
  ]);
}
