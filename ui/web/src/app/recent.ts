/** What was opened here lately, for the command palette. */
import type { AnyRouter } from "@tanstack/react-router";
import { readSaved, save } from "../kit/saved";
import { createStore, useStore } from "../kit/store";
import { PAGES } from "./pages";

export interface RecentItem {
  /** The address within this site. */
  href: string;
  name: string;
}

const KEY = "recent";
const MAX = 8;

const recent = createStore<readonly RecentItem[]>(readSaved<RecentItem[]>(KEY, []));

export const useRecent = () => useStore(recent);

/** Puts an item on top of the list. */
function remember(item: RecentItem): void {
  const others = recent.get().filter((old) => old.href !== item.href);
  recent.set([item, ...others].slice(0, MAX));
  save(KEY, recent.get());
}

/** Ms after which a page has its title. */
const SETTLED_MS = 1500;

/** Remembers traces that were opened and searches that were made. */
export function followPages(router: AnyRouter): () => void {
  return router.subscribe("onResolved", ({ toLocation }) => {
    const { pathname, href, search } = toLocation;
    const q = (search as { q?: string }).q;
    const trace = /^\/traces\/./.test(pathname);
    const page = PAGES.find(({ to }) => to === pathname);
    if (!trace && !(page && q)) return;
    setTimeout(() => {
      if (router.state.location.href !== href) return;
      const title = document.title.replace(/ · Oriel$/, "");
      remember({ href, name: trace ? title : `${page?.name}: ${q}` });
    }, SETTLED_MS);
  });
}
