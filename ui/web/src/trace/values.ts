/** Attribute values laid out for reading: JSON, SQL and stack traces; as text, never as markup. */
import type { AttributeType } from "../api/types";

export type Form = "json" | "sql" | "stack" | "text";

/** Above this many characters a value is laid out as it came: formatting would hold up the page. */
const FORMAT_CHARACTERS_MAX = 2_000_000;

const SQL_KEYS = new Set(["db.query.text", "db.statement", "db.query.summary"]);

export function formOf(key: string, type: AttributeType, value: string): Form {
  if (type === "array" || type === "map") return "json";
  if (type !== "string") return "text";
  if (
    SQL_KEYS.has(key) &&
    /^\s*(select|insert|update|delete|with|merge|create|alter|drop)\b/i.test(value)
  )
    return "sql";
  if (/stack_?trace$/i.test(key)) return "stack";
  return looksLikeJson(value) ? "json" : "text";
}

/** Several lines where that helps; otherwise the value as it is. */
export function laidOut(form: Form, value: string): string {
  if (value.length > FORMAT_CHARACTERS_MAX) return value;
  if (form === "json") return jsonLines(value);
  return form === "sql" ? sqlLines(value) : value;
}

function looksLikeJson(value: string): boolean {
  const first = /^\s*([[{])/.exec(value)?.[1];
  if (!first) return false;
  return value.trimEnd().endsWith(first === "{" ? "}" : "]");
}

/**
 * Breaks and indents JSON without parsing it, so that numbers keep their digits and broken JSON is
 * shown too. What does not balance comes back as it was.
 */
export function jsonLines(value: string): string {
  let depth = 0;
  let result = "";
  const line = () => `\n${"  ".repeat(Math.min(depth, 40))}`;
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+|"/gs;
  const tokens = value.match(token) ?? [];
  for (let i = 0; i < tokens.length; i++) {
    const part = tokens[i] ?? "";
    const next = tokens[i + 1];
    if (part === "{" || part === "[") {
      const empty = next === "}" || next === "]";
      if (empty) {
        result += part + next;
        i++;
      } else {
        depth++;
        result += part + line();
      }
    } else if (part === "}" || part === "]") {
      if (--depth < 0) return value;
      result += line() + part;
    } else if (part === ",") result += part + line();
    else if (part === ":") result += ": ";
    else if (part === '"') return value;
    else result += part;
  }
  return depth === 0 ? result : value;
}

const CLAUSE =
  /\b(?:from|where|group by|order by|having|limit|offset|returning|values|set|union(?: all)?|on conflict|(?:left |right |full |inner |outer |cross )*join)\b/gi;
const CONDITION = /\b(?:and|or)\b/gi;

/** A line for each clause; quoted text and comments stay as they are. */
export function sqlLines(value: string): string {
  if (value.includes("\n")) return value;
  const pieces = value.split(/('(?:[^']|'')*'|"[^"]*"|\/\*.*?\*\/)/);
  const broken = pieces.map((piece, i) =>
    i % 2 === 1
      ? piece
      : piece
          .replace(CLAUSE, (clause) => `\n${clause}`)
          .replace(CONDITION, (word) => `\n  ${word}`),
  );
  return broken
    .join("")
    .replace(/[ \t]+\n/g, "\n")
    .trim();
}

/**
 * Splits a long text into pieces that the browser lays out one by one: at line ends, and inside lines
 * that are longer than a piece. Joined they are the text without the line end at each cut.
 */
export function pieces(text: string, size: number): string[] {
  const result: string[] = [];
  let from = 0;
  while (from < text.length) {
    const limit = from + size;
    if (limit >= text.length) {
      result.push(text.slice(from));
      break;
    }
    const lineEnd = text.lastIndexOf("\n", limit);
    if (lineEnd > from) {
      result.push(text.slice(from, lineEnd));
      from = lineEnd + 1;
    } else {
      // Never between the halves of a surrogate pair.
      const code = text.charCodeAt(limit);
      const cut = code >= 0xdc00 && code <= 0xdfff ? limit - 1 : limit;
      result.push(text.slice(from, cut));
      from = cut;
    }
  }
  return result;
}
