/** Statements, and what in them is a string, a quoted name or a comment. */

/** One statement of an editor's text: `text` is the slice [from, to) without surrounding space. */
export interface Statement {
  from: number;
  to: number;
  text: string;
}

/** The index after the string, identifier or comment that opens at `at`, or `at` if none does. */
export function skipQuoted(sql: string, at: number): number {
  const two = sql.slice(at, at + 2);
  if (two === "--") {
    const end = sql.indexOf("\n", at);
    return end < 0 ? sql.length : end + 1;
  }
  if (two === "/*") return skipBlockComment(sql, at);
  const quote = sql[at];
  if (quote !== "'" && quote !== '"' && quote !== "`") return at;
  let next = at + 1;
  while (next < sql.length) {
    if (sql[next] !== quote) next += 1;
    else if (sql[next + 1] === quote) next += 2;
    else return next + 1;
  }
  return sql.length;
}

function skipBlockComment(sql: string, at: number): number {
  let depth = 0;
  let next = at;
  while (next < sql.length) {
    const two = sql.slice(next, next + 2);
    if (two === "/*") {
      depth += 1;
      next += 2;
    } else if (two === "*/") {
      depth -= 1;
      next += 2;
      if (depth === 0) return next;
    } else next += 1;
  }
  return sql.length;
}

function trimmed(sql: string, from: number, to: number): Statement | null {
  const text = sql.slice(from, to);
  const start = from + (text.length - text.trimStart().length);
  const kept = text.trim();
  return kept === "" ? null : { from: start, to: start + kept.length, text: kept };
}

/** The statements of `sql`, split at semicolons outside strings, identifiers and comments. */
export function splitStatements(sql: string): Statement[] {
  const found: Statement[] = [];
  let start = 0;
  let at = 0;
  const close = (end: number) => {
    const statement = trimmed(sql, start, end);
    if (statement !== null && !isComment(statement.text)) found.push(statement);
  };
  while (at < sql.length) {
    const after = skipQuoted(sql, at);
    if (after > at) at = after;
    else if (sql[at] === ";") {
      close(at);
      at += 1;
      start = at;
    } else at += 1;
  }
  close(sql.length);
  return found;
}

function isComment(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) at += 1;
    else if (text.startsWith("--", at) || text.startsWith("/*", at)) at = skipQuoted(text, at);
    else return false;
  }
  return true;
}
