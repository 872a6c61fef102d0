/** Many links at once: addresses are made here and one listener follows them, without the router's weight. */
import { useRouter } from "@tanstack/react-router";
import { type MouseEvent, useCallback } from "react";
import { useContext } from "./context";
import { type RawSearch, stringifySearch } from "./params";

/** Makes addresses of pages that keep the context; `search` wins over it. */
export function useHrefs(): (path: string, search: RawSearch) => string {
  const context = useContext();
  return useCallback(
    (path, search) => path + stringifySearch({ ...context, ...search }),
    [context],
  );
}

/** For `onClick` of what holds the links: a plain click stays in the app. */
export function useFollowLinks(): (event: MouseEvent<HTMLElement>) => void {
  const router = useRouter();
  return useCallback(
    (event) => {
      const link = (event.target as HTMLElement).closest("a");
      const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
      if (!link || modified || event.button !== 0 || event.defaultPrevented) return;
      event.preventDefault();
      router.history.push(link.getAttribute("href") ?? "/");
    },
    [router],
  );
}
