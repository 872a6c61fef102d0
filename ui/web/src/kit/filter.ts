/** Reading filter text as far as chips and completion need it; what it means is the server's. */
import type { Table } from "../api/types";

/** A part of the text that must hold: a term, or several joined by OR. */
export interface Part {
  /** UTF-16 offsets. */
  start: number;
  end: number;
  text: string;
  negated: boolean;
  /** Keys that it compares; empty for mere words. */
  keys: string[];
}

interface Word {
  start: number;
  end: number;
  text: string;
}

/** Words outside of quotes, patterns and parentheses. */
function words(q: string): Word[] {
  const found: Word[] = [];
  let at = 0;
  while (at < q.length) {
    if (/\s/.test(q[at] ?? "")) {
      at += 1;
      continue;
    }
    const end = wordEnd(q, at);
    found.push({ start: at, end, text: q.slice(at, end) });
    at = end;
  }
  return found;
}

function wordEnd(q: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < q.length; at += 1) {
    const char = q[at] ?? "";
    if (char === "\\") at += 1;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    else if (depth <= 0 && /\s/.test(char)) return at;
  }
  return q.length;
}

/** The parts of `q` that are joined by AND, in their order. */
export function partsOf(q: string): Part[] {
  const parts: Part[] = [];
  let open: "or" | "not" | null = null;
  let from = 0;
  for (const word of words(q)) {
    if (word.text === "AND") continue;
    if (word.text === "OR") {
      open = "or";
      continue;
    }
    if (word.text === "NOT") {
      if (open !== "or") from = word.start;
      open = open === "or" ? "or" : "not";
      continue;
    }
    const last = parts.at(-1);
    if (open === "or" && last) parts[parts.length - 1] = partOf(q, last.start, word.end);
    else parts.push(partOf(q, open === "not" ? from : word.start, word.end));
    open = null;
  }
  return parts;
}

function partOf(q: string, start: number, end: number): Part {
  const text = q.slice(start, end);
  return { start, end, text, negated: /^(-|NOT\s)/.test(text), keys: keysOf(text) };
}

/** Keys before a relation, outside of quotes. */
function keysOf(text: string): string[] {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  return [...bare.matchAll(/(?:^|[\s(-])([^\s():<>=!"-][^\s():<>=!"]*)(?:[:<>=]|!=)/g)].map(
    (found) => found[1] ?? "",
  );
}

/** Built-in keys that mean nothing in a table, where they would be looked for as attributes. */
const FOREIGN: Record<Table, ReadonlySet<string>> = {
  spans: new Set(["level", "severity", "body"]),
  logs: new Set([
    "kind",
    "status",
    "status_message",
    "duration",
    "span.duration",
    "operation",
    "parent",
    "parent_span_id",
    "trace.duration",
    "trace.spans",
    "trace.errors",
    "root.service",
    "root.name",
  ]),
  metrics: new Set([
    "level",
    "severity",
    "body",
    "kind",
    "status",
    "status_message",
    "duration",
    "span.duration",
    "operation",
    "trace",
    "trace_id",
    "span",
    "span_id",
    "parent",
    "parent_span_id",
    "trace.duration",
    "trace.spans",
    "trace.errors",
    "root.service",
    "root.name",
  ]),
};

/** Whether a page over `table` can use the part; one that cannot is shown struck through. */
export function understood(part: Part, table: Table): boolean {
  return !part.keys.some((key) => FOREIGN[table].has(key));
}

/** `q` as it is sent for `table`: parts that it cannot use are blanked, so offsets stay. */
export function filterFor(q: string, table: Table): string {
  let sent = q;
  for (const part of partsOf(q)) {
    if (understood(part, table)) continue;
    sent = sent.slice(0, part.start) + " ".repeat(part.end - part.start) + sent.slice(part.end);
  }
  return sent.trimEnd();
}

/** `q` without the part. */
export function without(q: string, part: Part): string {
  const before = q.slice(0, part.start).replace(/\s*(AND\s*)?$/, "");
  const after = q.slice(part.end).replace(/^\s*(AND\s)?\s*/, "");
  return [before, after].filter(Boolean).join(" ");
}

/** `q` with the part turned round: kept or left out. */
export function turned(q: string, part: Part): string {
  const plain = part.text.replace(/^(-|NOT\s+)/, "");
  const either = / OR /.test(part.text) && !part.text.startsWith("(") ? `(${plain})` : plain;
  const text = part.negated ? plain : `-${either}`;
  return q.slice(0, part.start) + text + q.slice(part.end);
}

/** The server counts characters, the browser UTF-16 units. */
export function charsBefore(text: string, unit: number): number {
  return Array.from(text.slice(0, unit)).length;
}

export function unitOf(text: string, chars: number): number {
  return Array.from(text).slice(0, chars).join("").length;
}

/** Where the word at `unit` ends: what an error at that place underlines. */
export function markedEnd(text: string, unit: number): number {
  const rest = /^[^\s()]+/.exec(text.slice(unit));
  return unit + Math.max(1, rest?.[0].length ?? 1);
}
