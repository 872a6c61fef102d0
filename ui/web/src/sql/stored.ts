/** The history of statements in this browser's storage. */
import { createStore, useStore } from "../kit/store";
import { forget, parseHistory, type Ran, remember } from "./history";

const KEY = "oriel.sql.history";

const runs = createStore<Ran[]>(parseHistory(localStorage.getItem(KEY)));

function save(list: Ran[]) {
  runs.set(list);
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // Storage is full or closed: the history lasts as long as the page.
  }
}

export const useHistory = () => useStore(runs);
export const rememberRun = (ran: Ran) => save(remember(runs.get(), ran));
export const forgetRun = (sql: string) => save(forget(runs.get(), sql));
export const clearHistory = () => save([]);
