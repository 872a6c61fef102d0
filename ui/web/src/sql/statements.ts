import { type Statement, skipQuoted, splitStatements } from "../kit/sqltext";

/** The statement to run with the cursor at `position`: the one around it, else the one before it. */
export function statementAt(sql: string, position: number): Statement | null {
  const all = splitStatements(sql);
  const before = all.filter((statement) => statement.from <= position);
  return before.at(-1) ?? all[0] ?? null;
}

/** The UTF-16 index of the code point number `offset`: the server counts code points. */
export function utf16Index(text: string, offset: number): number {
  let index = 0;
  for (let points = 0; points < offset && index < text.length; points += 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

/** The end of the word or quoted name that starts at `from`: what to underline for an error. */
export function wordEnd(text: string, from: number): number {
  const quoted = skipQuoted(text, from);
  if (quoted > from && text[from] !== "-" && text[from] !== "/") return quoted;
  const word = /^[\p{L}\p{N}_$.]+/u.exec(text.slice(from));
  return Math.min(text.length, from + (word === null ? 1 : word[0].length));
}

/** `EXPLAIN ANALYZE` of a statement that is not an EXPLAIN already. */
export function explained(sql: string): string {
  return /^\s*explain\b/i.test(sql) ? sql : `EXPLAIN ANALYZE ${sql}`;
}
