/**
 * Lays out a statement: clauses on lines of their own, lists and conditions below them, subqueries
 * indented, keywords in capitals. Only white space and the case of keywords change.
 */
import { skipQuoted, splitStatements } from "./sqltext";

/** Longer lists and conditions are broken, one a line. */
const WIDTH = 80;
const INDENT = "  ";

type Token = {
  kind: "word" | "quoted" | "comment" | "sign" | "open" | "close";
  text: string;
  /** White space follows. */
  spaced?: boolean;
};

const CLAUSES = [
  "WITH RECURSIVE",
  "WITH",
  "SELECT DISTINCT",
  "SELECT",
  "FROM",
  "WHERE",
  "GROUP BY",
  "HAVING",
  "WINDOW",
  "QUALIFY",
  "ORDER BY",
  "LIMIT",
  "OFFSET",
  "UNION ALL",
  "UNION",
  "INTERSECT",
  "EXCEPT",
  "LEFT OUTER JOIN",
  "RIGHT OUTER JOIN",
  "FULL OUTER JOIN",
  "LEFT SEMI JOIN",
  "LEFT ANTI JOIN",
  "LEFT JOIN",
  "RIGHT JOIN",
  "FULL JOIN",
  "INNER JOIN",
  "CROSS JOIN",
  "JOIN",
].map((clause) => clause.split(" "));

const KEYWORDS = new Set(
  `${CLAUSES.flat().join(" ")} AND OR NOT AS ON USING IN IS NULL LIKE ILIKE BETWEEN CASE WHEN THEN
  ELSE END ASC DESC NULLS FIRST LAST OVER PARTITION ROWS RANGE PRECEDING FOLLOWING UNBOUNDED CURRENT
  ROW EXISTS INTERVAL CAST TRUE FALSE FILTER WITHIN EXPLAIN ANALYZE ALL ANY VALUES LATERAL`.split(
    /\s+/,
  ),
);

/** Whose parts are separated by commas, and whose by AND and OR. */
const LISTS = /^(SELECT|GROUP|ORDER|WITH|WINDOW)\b/;
const CONDITIONS = /^(WHERE|HAVING|QUALIFY)\b/;

type Part = Token | Part[];

function tokens(sql: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const rest = sql.slice(at);
    const space = /^\s+/.exec(rest);
    if (space) {
      const last = found.at(-1);
      if (last) last.spaced = true;
      at += space[0].length;
      continue;
    }
    const end = skipQuoted(sql, at);
    const word = /^[\p{L}\p{N}_$@.]+/u.exec(rest)?.[0];
    if (end > at) {
      const comment = /^(--|\/\*)/.test(rest);
      found.push({ kind: comment ? "comment" : "quoted", text: sql.slice(at, end).trimEnd() });
      at = end;
      const last = found.at(-1);
      if (comment && last) last.spaced = true;
    } else {
      const text = word ?? rest[0] ?? "";
      const kind = word ? "word" : text === "(" ? "open" : text === ")" ? "close" : "sign";
      const upper = text.toUpperCase();
      found.push({ kind, text: word && KEYWORDS.has(upper) ? upper : text });
      at += text.length;
    }
  }
  return found;
}

/** Parentheses as lists of their own; null where they do not match. */
function nested(flat: readonly Token[]): Part[] | null {
  const stack: Part[][] = [[]];
  for (const token of flat) {
    const top = stack.at(-1) ?? [];
    if (token.kind === "open") {
      const inner: Part[] = [token];
      top.push(inner);
      stack.push(inner);
    } else {
      top.push(token);
      if (token.kind === "close") stack.pop();
      if (stack.length === 0) return null;
    }
  }
  return stack.length === 1 ? (stack[0] ?? []) : null;
}

const word = (part: Part | undefined) =>
  part && !Array.isArray(part) && part.kind === "word" ? part.text : "";
const isSign = (part: Part | undefined, text: string) =>
  part !== undefined && !Array.isArray(part) && part.kind === "sign" && part.text === text;
const isQuery = (part: Part): part is Part[] =>
  Array.isArray(part) && /^(SELECT|WITH)$/.test(word(part[1]));

/** How many parts from `at` on are the words of a clause. */
function clauseAt(parts: readonly Part[], at: number): number {
  const clause = CLAUSES.find((words) => words.every((each, i) => word(parts[at + i]) === each));
  return clause?.length ?? 0;
}

/** One line, except where a comment or a subquery needs more. */
function inline(parts: readonly Part[], indent: string): string {
  let text = "";
  for (const part of parts) {
    if (isQuery(part)) {
      const deeper = indent + INDENT;
      const close = part.at(-1);
      text += `(\n${deeper}${laidOut(part.slice(1, -1), deeper)}\n${indent})`;
      if (close && !Array.isArray(close) && close.spaced) text += " ";
    } else if (Array.isArray(part)) {
      text += inline(part, indent);
      const close = part.at(-1);
      if (close && !Array.isArray(close) && close.spaced) text += " ";
    } else {
      text += part.text;
      if (part.kind === "comment" && part.text.startsWith("--")) text += `\n${indent}`;
      else if (part.spaced && part.kind !== "open") text += " ";
    }
  }
  return text.trimEnd();
}

/** Cuts at commas, or before AND and OR; the AND of a BETWEEN stays. */
function items(parts: readonly Part[], conditions: boolean): Part[][] {
  const found: Part[][] = [[]];
  let between = false;
  for (const part of parts) {
    const text = word(part);
    if (text === "BETWEEN") between = true;
    if (conditions && /^(AND|OR)$/.test(text) && !(between && text === "AND")) found.push([]);
    if (text === "AND") between = false;
    found.at(-1)?.push(part);
    if (!conditions && isSign(part, ",")) found.push([]);
  }
  return found.filter((item) => item.length > 0);
}

function clause(head: string, parts: readonly Part[], indent: string): string {
  const line = inline(parts, indent);
  const whole = line === "" ? head : `${head} ${line}`;
  const lists = LISTS.test(head);
  const conditions = CONDITIONS.test(head);
  const fits = whole.length + indent.length <= WIDTH && !whole.includes("\n");
  if ((!lists && !conditions) || fits) return whole;
  const found = items(parts, conditions);
  if (found.length < 2) return whole;
  const deeper = indent + INDENT;
  return `${head}\n${found.map((item) => deeper + inline(item, deeper)).join("\n")}`;
}

function laidOut(parts: readonly Part[], indent: string): string {
  const lines: string[] = [];
  let from = 0;
  let head = 0;
  const close = (to: number) => {
    if (to === from) return;
    const name = inline(parts.slice(from, from + head), indent);
    const body = parts.slice(from + head, to);
    lines.push(head === 0 ? inline(body, indent) : clause(name, body, indent));
  };
  for (let at = 0; at < parts.length; at += 1) {
    const length = clauseAt(parts, at);
    if (length === 0) continue;
    close(at);
    from = at;
    head = length;
    at += length - 1;
  }
  close(parts.length);
  return lines.join(`\n${indent}`);
}

/** The statements of `sql` laid out; as it is where parentheses do not match. */
export function formatted(sql: string): string {
  const done = splitStatements(sql).map(({ from, to, text }) => {
    const parts = nested(tokens(text));
    return { from, to, text: parts === null ? text : laidOut(parts, "") };
  });
  let result = "";
  let at = 0;
  for (const { from, to, text } of done) {
    result += sql.slice(at, from) + text;
    at = to;
  }
  return result + sql.slice(at);
}
