/** What the address says on the logs page, and the way to change it. */
import { getRouteApi, useNavigate, useRouter } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type Column, parseColumns, writeColumns } from "./columns";
import type { Digits, RowLayout } from "./rowlayout";
import type { LogsSearch } from "./search";

const route = getRouteApi("/logs");

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The lines around a record were opened from a list, which is one step back. */
    fromList?: boolean;
  }
}

type Change = { [Key in keyof LogsSearch]?: LogsSearch[Key] | undefined } & {
  q?: string;
  from?: string;
  to?: string;
};

/** `replace`: not a step that Back undoes. */
export type SetLogs = (change: Change, replace?: boolean) => void;

/** How rows are shown, as the address says. */
export type RowSettings = { wrap: boolean; digits: Digits; comfortable: boolean };

export function useLogsSearch() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const set: SetLogs = useCallback(
    (change, replace = false) =>
      navigate({
        to: ".",
        search: (old: object) => ({ ...old, ...change }) as never,
        replace,
        // What led here, see `openAround`, stays known.
        ...(replace ? { state: true as const } : {}),
        resetScroll: false,
      }),
    [navigate],
  );
  const router = useRouter();
  /** Shows the lines around a record; closing them is Back, to the list where it was left. */
  const openAround = useCallback(
    (id: string) =>
      navigate({
        to: ".",
        search: (old: object) => ({ ...old, around: id, by: undefined, row: undefined }) as never,
        state: (old) => ({ ...old, fromList: true }),
        resetScroll: false,
      }),
    [navigate],
  );
  const closeAround = useCallback(() => {
    if (router.state.location.state.fromList) router.history.back();
    else set({ around: undefined, by: undefined, matching: undefined });
  }, [router, set]);
  const { cols, wrap = false, density, digits = "ns" } = search;
  const columns = useMemo(() => parseColumns(cols), [cols]);
  const setColumns = useCallback(
    (next: Column[]) => set({ cols: writeColumns(next) }, true),
    [set],
  );
  const rows: RowSettings = { wrap, digits, comfortable: density !== undefined };
  return { search, set, columns, setColumns, rows, openAround, closeAround };
}

/** The layout of rows between the first and the last one. */
export function useRowLayout(
  { wrap, digits, comfortable }: RowSettings,
  columns: readonly Column[],
  zone: string,
  days: boolean,
): RowLayout {
  return useMemo(
    () => ({ row: comfortable ? 28 : 24, wrap, digits, days, zone, columns }),
    [comfortable, wrap, digits, days, zone, columns],
  );
}
