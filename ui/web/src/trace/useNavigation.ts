/** Changes of the page's address. */
import { useNavigate, useRouter } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { parseView, sameView, type View, viewText } from "./scale";
import type { TraceSearch } from "./search";

export type SetSearch = (change: Undefinable<TraceSearch>, how?: "push" | "replace") => void;
type Undefinable<T> = { [K in keyof T]?: T[K] | undefined };

/** What the address says already is not asked again: a held key would begin anew with each repeat. */
export function useSetSearch(): SetSearch {
  const navigate = useNavigate();
  const router = useRouter();
  return useCallback(
    (change, how = "push") => {
      const now = router.latestLocation.search as Record<string, unknown>;
      if (Object.entries(change).every(([key, value]) => now[key] === value)) return;
      void navigate({
        to: ".",
        search: (old: object) => ({ ...old, ...change }) as never,
        replace: how === "replace",
        resetScroll: false,
      });
    },
    [navigate, router],
  );
}

const ZOOM_PAUSE_MS = 300;

/** The view of the address; while it moves it is ahead of the address, which follows after a pause. */
export function useZoom(
  zoom: string | undefined,
  bounds: View,
  setSearch: SetSearch,
): [View, (view: View) => void] {
  const [moving, setMoving] = useState<View | null>(null);
  const timer = useRef(0);
  const latest = useRef({ bounds, setSearch });
  latest.current = { bounds, setSearch };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another address ends the movement
  useEffect(() => setMoving(null), [zoom, bounds]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const setView = useCallback((view: View) => {
    setMoving(view);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const whole = sameView(view, latest.current.bounds);
      latest.current.setSearch({ zoom: whole ? undefined : viewText(view) });
    }, ZOOM_PAUSE_MS);
  }, []);
  return [moving ?? parseView(zoom, bounds) ?? bounds, setView];
}
