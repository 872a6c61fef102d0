/** What was opened here lately, for the command palette. */
import { readSaved, save } from "../kit/saved";
import { createStore, useStore } from "../kit/store";

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
export function remember(item: RecentItem): void {
  const others = recent.get().filter((old) => old.href !== item.href);
  recent.set([item, ...others].slice(0, MAX));
  save(KEY, recent.get());
}
