/**
 * Editing the filter text `q`: adding, dropping and finding terms, without touching the rest, so
 * that whatever a person typed stays as it was typed.
 */
import { partsOf } from "./filter";

/** The terms joined by AND at the top level, as they were written. */
export function termsOf(q: string): string[] {
  return partsOf(q).map((part) => part.text);
}

/** Whether the text has an OR of its own, so that another term must be put beside parentheses. */
function hasOpenOr(q: string): boolean {
  return termsOf(q).some((term) => / OR /.test(outside(term)));
}

/** A term without what stands in quotes and parentheses. */
function outside(term: string): string {
  return term.replace(/"(?:\\.|[^"\\])*"/g, '""').replace(/\([^()]*\)/g, "()");
}

/** What may stand in a word; `-` and `/` not at its start. As the server's grammar has it. */
const PLAIN = /[\p{L}\p{N}_.@+%#,;$&]/u;
const PLAIN_WORD = /^[\p{L}\p{N}_.@+%#,;$&][\p{L}\p{N}_.@+%#,;$&/-]*$/u;

/** A value as it stands after a colon: quoted when it has signs of the grammar in it. */
export function quoted(value: string): string {
  if (PLAIN_WORD.test(value) && !/^(AND|OR|NOT)$/.test(value)) return value;
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** A key as it stands before a colon: signs of the grammar follow a backslash. */
function written(key: string): string {
  return Array.from(key)
    .map((char, at) => (PLAIN.test(char) || (at > 0 && /[/-]/.test(char)) ? char : `\\${char}`))
    .join("");
}

export function keepTerm(key: string, value: string): string {
  return `${written(key)}:${quoted(value)}`;
}

export function dropTerm(key: string, value: string): string {
  return `-${keepTerm(key, value)}`;
}

/** The text with a term added; one that is there already stays, its opposite goes. */
export function withTerm(q: string, term: string): string {
  const opposite = term.startsWith("-") ? term.slice(1) : `-${term}`;
  const text = withoutTerm(q, opposite);
  if (termsOf(text).includes(term)) return text;
  const left = hasOpenOr(text) ? `(${text.trim()})` : text.trim();
  return `${left} ${term}`.trim();
}

export function withoutTerm(q: string, term: string): string {
  const terms = termsOf(q);
  return terms.includes(term) ? terms.filter((each) => each !== term).join(" ") : q;
}

/**
 * The text with its bare words also found inside of words, `card` as `*card*`; null when it has none.
 * In logs a bare word means a whole word.
 */
export function widened(q: string): string | null {
  const terms = termsOf(q);
  const wide = terms.map((term) => (PLAIN_WORD.test(term) ? `*${term}*` : term));
  return wide.some((term, at) => term !== terms[at]) ? wide.join(" ") : null;
}

export function hasTerm(q: string, term: string): boolean {
  return termsOf(q).includes(term);
}

/** The text without comparisons of `key` (`key>…`, `key>=…`, `key<…`, `key<=…`). */
export function withoutBounds(q: string, key: string): string {
  const bound = new RegExp(`^${key.replace(/[.\\*+?^$(){}|[\]]/g, "\\$&")}:?[<>]=?`);
  const terms = termsOf(q);
  return terms.some((term) => bound.test(term))
    ? terms.filter((term) => !bound.test(term)).join(" ")
    : q;
}
