/**
 * The records of a live tail that are kept: the newest ones, bounded by number and by text.
 *
 * Rows have numbers that only grow. While a reader looks at older rows, none of those is thrown away
 * under them: what finds no room then is counted in `missed` and not kept. While paused, records
 * wait, with the same bounds.
 */
import type { LogSummary, TailTotals } from "../api/types";

export const TAIL_ROWS = 100_000;
export const TAIL_CHARACTERS = 48_000_000;
/** What a record weighs beside its body, in characters. */
const RECORD = 300;

/** Where the stream was interrupted: records of that time are not here. */
export type Gap = { gap: string; id: string };
export type TailRow = LogSummary | Gap;

export const isGap = (row: TailRow): row is Gap => "gap" in row;

const weigh = (row: TailRow) => (isGap(row) ? RECORD : RECORD + (row.body?.length ?? 0));

/** Totals over all connections since the list was emptied. */
const NOTHING: TailTotals = { matched: 0, shown: 0, dropped: 0, unread: 0 };

export class TailLog {
  #rows: TailRow[] = [];
  /** Rows of `#rows` in front that are gone already. */
  #gone = 0;
  #weight = 0;
  #waiting: TailRow[] = [];
  #waitingWeight = 0;
  #before: TailTotals = NOTHING;
  #now: TailTotals = NOTHING;
  #gaps = 0;
  /** Number of the first row. */
  base = 0;
  paused = false;
  /** Records that came and found no room. */
  missed = 0;
  readonly rowsMax: number;
  readonly charactersMax: number;

  constructor(rowsMax = TAIL_ROWS, charactersMax = TAIL_CHARACTERS) {
    this.rowsMax = rowsMax;
    this.charactersMax = charactersMax;
  }

  get count(): number {
    return this.#rows.length - this.#gone;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get totals(): TailTotals {
    return {
      matched: this.#before.matched + this.#now.matched,
      shown: this.#before.shown + this.#now.shown,
      dropped: this.#before.dropped + this.#now.dropped,
      unread: this.#before.unread + this.#now.unread,
    };
  }

  at(index: number): TailRow | undefined {
    return this.#rows[this.#gone + index];
  }

  /** What the server says of this connection so far. */
  tell(totals: TailTotals) {
    this.#now = totals;
  }

  /** Another connection begins; what the one before counted stays. */
  reconnected(gap: string | null) {
    this.#before = this.totals;
    this.#now = NOTHING;
    if (gap === null) return;
    this.#gaps += 1;
    this.add([{ gap, id: `gap ${this.#gaps}` }], null);
  }

  /** Adds rows at the end. `held`: the number of the first row that must stay, or null. */
  add(rows: readonly TailRow[], held: number | null) {
    for (const row of rows) {
      const weight = weigh(row);
      if (this.paused) {
        if (this.#fits(this.#waiting.length, this.#waitingWeight + weight)) {
          this.#waiting.push(row);
          this.#waitingWeight += weight;
        } else this.missed += 1;
        continue;
      }
      while (this.count > 0 && !this.#fits(this.count, this.#weight + weight)) {
        if (held !== null && this.base >= held) break;
        this.#dropFirst();
      }
      if (this.count > 0 && !this.#fits(this.count, this.#weight + weight)) {
        this.missed += 1;
        continue;
      }
      this.#rows.push(row);
      this.#weight += weight;
    }
    // The array is cut seldom, so that a full list costs no more than a short one.
    if (this.#gone > 1024 && this.#gone > this.#rows.length / 2) {
      this.#rows = this.#rows.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** Shows what waited. */
  resume() {
    const waited = this.#waiting;
    this.paused = false;
    this.#waiting = [];
    this.#waitingWeight = 0;
    this.add(waited, null);
  }

  clear() {
    this.base += this.count;
    this.#rows = [];
    this.#gone = 0;
    this.#weight = 0;
    this.#waiting = [];
    this.#waitingWeight = 0;
    this.#before = NOTHING;
    this.#now = NOTHING;
    this.missed = 0;
  }

  #fits(count: number, weight: number): boolean {
    return count < this.rowsMax && weight <= this.charactersMax;
  }

  #dropFirst() {
    const first = this.#rows[this.#gone];
    if (first) this.#weight -= weigh(first);
    // Not kept alive by the array.
    this.#rows[this.#gone] = { gap: "", id: "" };
    this.#gone += 1;
    this.base += 1;
  }
}
