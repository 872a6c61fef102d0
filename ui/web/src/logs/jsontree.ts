/**
 * JSON text read for show: numbers keep the digits they were written with, key order and duplicate
 * levels stay, and Oriel's own wrappers (`{"$int":"…"}`, see docs on attributes) read as values.
 */

export type JsonNode =
  | { kind: "string" | "number" | "boolean" | "null" | "bytes"; text: string }
  | { kind: "array"; items: JsonNode[] }
  | { kind: "object"; fields: [string, JsonNode][] };

/** Deeper values stay text: a screen has no room for them and the stack has an end. */
const DEPTH_MAX = 200;

/** The tree of a JSON object or array; null when the text is anything else. */
export function readJson(text: string): JsonNode | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    const reader = new Reader(text);
    const node = reader.value(0);
    return reader.atEnd() ? node : null;
  } catch {
    return null;
  }
}

/** Space, then a string, a number, a word or a sign; sticky, so that it is matched in place. */
const TOKEN =
  /[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([[\]{},:]))/y;

class Reader {
  #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    return this.#text.slice(this.#at).trim() === "";
  }

  value(depth: number): JsonNode {
    if (depth > DEPTH_MAX) throw new SyntaxError("too deep");
    const token = this.#next();
    if (token === "{") return this.#object(depth);
    if (token === "[") return this.#array(depth);
    if (token.startsWith('"')) return { kind: "string", text: JSON.parse(token) as string };
    if (token === "true" || token === "false") return { kind: "boolean", text: token };
    if (token === "null") return { kind: "null", text: token };
    if (/^[-\d]/.test(token)) return { kind: "number", text: token };
    throw new SyntaxError(`unexpected ${token}`);
  }

  #object(depth: number): JsonNode {
    const fields: [string, JsonNode][] = [];
    this.#list("}", (token) => {
      if (!token.startsWith('"')) throw new SyntaxError("a key is missing");
      this.#expect(":");
      fields.push([JSON.parse(token) as string, this.value(depth + 1)]);
    });
    return unwrap(fields);
  }

  #array(depth: number): JsonNode {
    const items: JsonNode[] = [];
    this.#list("]", (_, before) => {
      this.#at = before;
      items.push(this.value(depth + 1));
    });
    return { kind: "array", items };
  }

  /** Calls `read` with the first token of each item, up to the closing bracket. */
  #list(close: string, read: (token: string, before: number) => void) {
    let before = this.#at;
    let token = this.#next();
    if (token === close) return;
    for (;;) {
      read(token, before);
      token = this.#next();
      if (token === close) return;
      if (token !== ",") throw new SyntaxError("a comma is missing");
      before = this.#at;
      token = this.#next();
    }
  }

  #expect(expected: string) {
    if (this.#next() !== expected) throw new SyntaxError(`${expected} is missing`);
  }

  #next(): string {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (!match) throw new SyntaxError("not JSON");
    this.#at = TOKEN.lastIndex;
    return match[1] ?? match[2] ?? match[3] ?? match[4] ?? "";
  }
}

/** `{"$int":"9007199254740993"}` and its like stand for one value. */
function unwrap(fields: [string, JsonNode][]): JsonNode {
  const [key, value] = fields[0] ?? ["", null];
  if (fields.length === 1 && value?.kind === "string") {
    if (key === "$int" || key === "$double") return { kind: "number", text: value.text };
    if (key === "$bytes") return { kind: "bytes", text: value.text };
  }
  return { kind: "object", fields };
}

/** One line for a closed node: how much is inside. */
export function summaryOf(node: JsonNode): string {
  if (node.kind === "array") return `[${node.items.length}]`;
  if (node.kind === "object") return `{${node.fields.length}}`;
  return node.text;
}
