/** Follows the records of a filter as they come; what there is to show changes ten times a second at most. */
import { ApiError } from "../api/client";
import { pause, type ServerEvent, stream } from "../api/events";
import type { LogSummary, TailTotals } from "../api/types";
import { TailLog } from "./tail";

const PATH = "logs/tail";
const CHANGES_MS = 100;
const RETRY_MS = { first: 500, most: 5000 };

export type TailState =
  /** Asked for, not answered yet. */
  | "connecting"
  | "following"
  /** It was interrupted and is tried again. */
  | "lost"
  /** The server does not want to: `error` says why. */
  | "refused"
  | "stopped";

export type TailView = {
  state: TailState;
  error: Error | null;
  base: number;
  count: number;
  paused: boolean;
  waiting: number;
  missed: number;
  totals: TailTotals;
  /** Records a second that the server sends at most. */
  rateMax: number | null;
  /** Unix ns at which the first connection began. */
  since: string | null;
};

type Asked = { q: string; rate: number; columns: string };

export class TailFeed {
  readonly log = new TailLog();
  /** Number of the first row that the reader looks at, when they do not follow the end. */
  held: number | null = null;
  readonly #asked: Asked;
  readonly #listeners = new Set<() => void>();
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: TailState = "connecting";
  #error: Error | null = null;
  #rateMax: number | null = null;
  #since: string | null = null;
  #view: TailView;

  constructor(asked: Asked) {
    this.#asked = asked;
    this.#view = this.#look();
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = () => this.#view;

  start() {
    if (this.#abort) return;
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#set("stopped", null);
  }

  pause() {
    this.log.paused = true;
    this.#show();
  }

  resume() {
    this.log.resume();
    this.#show();
  }

  clear() {
    this.log.clear();
    this.held = null;
    this.#show();
  }

  async #run(signal: AbortSignal) {
    const { q, rate, columns } = this.#asked;
    let connected = false;
    for (let wait = RETRY_MS.first; !signal.aborted; wait = Math.min(wait * 2, RETRY_MS.most)) {
      if (!connected) this.#set("connecting", null);
      try {
        await stream(
          PATH,
          { q, rate, columns },
          (event) => this.#take(event),
          signal,
          () => {
            this.log.reconnected(connected ? "Interrupted here: records may be missing" : null);
            connected = true;
            wait = RETRY_MS.first;
            this.#set("following", null);
          },
        );
      } catch (error) {
        const why = error instanceof Error ? error : new Error(String(error));
        if (signal.aborted) return;
        // Asked wrongly: asking again changes nothing. Another reader may leave, a server come back.
        if (why instanceof ApiError && why.status >= 400 && why.status < 500) {
          this.#set("refused", why);
          return;
        }
        this.#set("lost", why);
      }
      if (signal.aborted) return;
      if (this.#state === "following") this.#set("lost", null);
      await pause(wait, signal);
    }
  }

  #take({ event, data }: ServerEvent) {
    const said = JSON.parse(data) as TailTotals & {
      logs?: LogSummary[];
      rate_max?: number;
      time?: string;
      error?: { message: string };
    };
    if (event === "start") {
      this.#rateMax = said.rate_max ?? null;
      this.#since ??= said.time ?? null;
    } else if (event === "error") {
      this.#set("lost", new Error(said.error?.message ?? "The server ended the stream"));
    } else {
      if (said.logs) this.log.add(said.logs, this.held);
      const { matched, shown, dropped, unread } = said;
      this.log.tell({ matched, shown, dropped, unread });
    }
    this.#timer ??= setTimeout(() => this.#show(), CHANGES_MS);
  }

  #set(state: TailState, error: Error | null) {
    this.#state = state;
    this.#error = error;
    this.#show();
  }

  #show() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#view = this.#look();
    for (const listener of this.#listeners) listener();
  }

  #look(): TailView {
    const { base, count, paused, waiting, missed, totals } = this.log;
    return {
      state: this.#state,
      error: this.#error,
      base,
      count,
      paused,
      waiting,
      missed,
      totals,
      rateMax: this.#rateMax,
      since: this.#since,
    };
  }
}
