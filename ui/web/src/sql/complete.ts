/** What the text before the cursor asks to be completed. */
export type Wanted =
  | { what: "attribute"; column: string; from: number }
  | { what: "table"; from: number }
  | { what: "column"; qualifier: string; from: number }
  | { what: "any"; from: number };

const ATTRIBUTE = /(?:(\w+)\.)?(resource_attributes|scope_attributes|attributes)\s*\[\s*'([^']*)$/i;
const TABLE = /\b(?:from|join|describe|desc|table)\s+(\w*)$/i;
const QUALIFIED = /\b(\w+)\.(\w*)$/;
const WORD = /\w+$/;

/** Reads `before`, the statement's text up to the cursor; null inside a string or a comment. */
export function wantedAt(before: string): Wanted | null {
  const attribute = ATTRIBUTE.exec(before);
  if (attribute !== null) {
    const typed = attribute[3] ?? "";
    return {
      what: "attribute",
      column: (attribute[2] ?? "").toLowerCase(),
      from: before.length - typed.length,
    };
  }
  if (isQuoted(before)) return null;
  const table = TABLE.exec(before);
  if (table !== null) return { what: "table", from: before.length - (table[1] ?? "").length };
  const qualified = QUALIFIED.exec(before);
  if (qualified !== null) {
    const from = before.length - (qualified[2] ?? "").length;
    return { what: "column", qualifier: qualified[1] ?? "", from };
  }
  const word = WORD.exec(before);
  return { what: "any", from: before.length - (word?.[0].length ?? 0) };
}

function isQuoted(before: string): boolean {
  const bare = before.replace(/'(?:[^']|'')*'|"[^"]*"|--[^\n]*\n|\/\*[\s\S]*?\*\//g, "");
  return /['"]|--|\/\*/.test(bare);
}

const SOURCE =
  /\b(?:from|join)\s+"?(\w+)"?(?:\s+(?:as\s+)?(?!on\b|where\b|join\b|left\b|right\b|inner\b|cross\b|full\b|group\b|order\b|limit\b|having\b|union\b|using\b)(\w+))?/gi;

/** The tables a statement reads, by the name (alias or their own) that stands before a dot. */
export function tablesOf(statement: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, table = "", alias] of statement.matchAll(SOURCE)) {
    found.set((alias ?? table).toLowerCase(), table.toLowerCase());
    found.set(table.toLowerCase(), table.toLowerCase());
  }
  return found;
}

/** The table of the attribute API that holds `table`'s attributes. */
export function attributeTable(table: string): "spans" | "logs" | "metrics" | null {
  if (table === "logs" || table === "metrics" || table === "spans") return table;
  return table.startsWith("span_") ? "spans" : null;
}

/** The level of the attribute API that `column` of `table` reads. */
export function attributeLevel(table: string, column: string): string {
  if (column === "resource_attributes") return "resource";
  if (column === "scope_attributes") return "scope";
  return { logs: "log", metrics: "point" }[table] ?? "span";
}
