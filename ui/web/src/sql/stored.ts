/** The history of statements in this browser's storage. */
import { save as keep, readSaved } from "../kit/saved";
import { createStore, useStore } from "../kit/store";
import { forget, parseHistory, type Ran, remember } from "./history";

const KEY = "sql.history";

const runs = createStore<Ran[]>(parseHistory(readSaved<unknown>(KEY, [])));

function save(list: Ran[]) {
  runs.set(list);
  keep(KEY, list);
}

export const useHistory = () => useStore(runs);
export const rememberRun = (ran: Ran) => save(remember(runs.get(), ran));
export const forgetRun = (sql: string) => save(forget(runs.get(), sql));
export const clearHistory = () => save([]);
