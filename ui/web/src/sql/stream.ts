import type { ApiErrorBody, Column, Receipt } from "../api/types";

/** A value as the server's JSON has it: large integers, NaN and the infinities are strings. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

export interface Parsed {
  /** Set once, with the first rows. */
  columns: Column[] | null;
  rows: Value[][];
}

export interface Ending {
  receipt: Receipt | null;
  error: ApiErrorBody | null;
}

const ROWS = '],"rows":[';

/**
 * Reads `{"columns":[…],"rows":[[…],…],"receipt":{…}}` piece by piece, so that rows show while the
 * rest is on its way. Each row is scanned once for its end and parsed once.
 */
export class AnswerReader {
  private text = "";
  private state: "head" | "rows" | "tail" = "head";
  /** How far `text` has been scanned, and where its first row without an end begins. */
  private scanned = 0;
  private depth = 0;
  private inString = false;

  /** What the next piece of text completes. */
  push(piece: string): Parsed {
    this.text += piece;
    const columns = this.state === "head" ? this.readHead() : null;
    const rows = this.state === "rows" ? this.readRows() : [];
    return { columns, rows };
  }

  /** How the answer ended; both are null when it broke off. */
  end(): Ending {
    if (this.state !== "tail") return { receipt: null, error: null };
    try {
      const tail = JSON.parse(`{${this.text.replace(/^,/, "")}`) as Partial<Ending>;
      return { receipt: tail.receipt ?? null, error: tail.error ?? null };
    } catch {
      return { receipt: null, error: null };
    }
  }

  private readHead(): Column[] | null {
    // Inside a string a quote is escaped, so this can only be the key itself.
    const at = this.text.indexOf(ROWS);
    if (at < 0) return null;
    const head = JSON.parse(`${this.text.slice(0, at)}]}`) as { columns: Column[] };
    this.text = this.text.slice(at + ROWS.length);
    this.state = "rows";
    return head.columns;
  }

  private readRows(): Value[][] {
    const { text } = this;
    let at = this.scanned;
    let complete = 0;
    while (at < text.length) {
      if (this.inString) {
        const quote = closingQuote(text, at);
        if (quote < 0) break;
        this.inString = false;
        at = quote + 1;
        continue;
      }
      const code = text.charCodeAt(at);
      if (code === 0x22) this.inString = true;
      else if (code === 0x5b || code === 0x7b) this.depth += 1;
      else if (code === 0x5d || code === 0x7d) {
        if (this.depth === 0) return this.finish(at, complete);
        this.depth -= 1;
        if (this.depth === 0) complete = at + 1;
      }
      at += 1;
    }
    const rows = parseRows(text.slice(0, complete));
    this.text = text.slice(complete);
    // Inside an open string the scan begins again at its first character: an escape may be cut.
    this.scanned = at - complete;
    return rows;
  }

  private finish(at: number, complete: number): Value[][] {
    const rows = parseRows(this.text.slice(0, complete));
    this.text = this.text.slice(at + 1);
    this.state = "tail";
    return rows;
  }
}

function parseRows(text: string): Value[][] {
  return JSON.parse(`[${text.replace(/^,/, "")}]`) as Value[][];
}

/** The quote that ends a string whose inside begins at `from`, or -1. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0) {
    let slashes = 0;
    while (at - 1 - slashes >= from && text.charCodeAt(at - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return -1;
}
