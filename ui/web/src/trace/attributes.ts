/** The attributes of a span as one list over its three levels, searchable. */
import type { Attr, AttributeType, Span } from "../api/types";

export type Level = "span" | "resource" | "scope";

export interface Entry {
  readonly id: string;
  readonly level: Level;
  readonly key: string;
  readonly type: AttributeType;
  readonly value: string;
}

export function entriesOf(span: Span): Entry[] {
  const at = (level: Level, list: readonly Attr[]) =>
    list.map(({ key, type, value }, place) => ({
      id: `${level} ${place}`,
      level,
      key,
      type,
      value,
    }));
  return [
    ...at("span", span.attributes),
    ...at("resource", span.resource_attributes),
    ...at("scope", span.scope_attributes),
  ];
}

/** Entries whose key or value contains all words of the text, in the levels that are on. */
export function searched(
  entries: readonly Entry[],
  text: string,
  off: ReadonlySet<Level>,
): Entry[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  return entries.filter(({ level, key, value }) => {
    if (off.has(level)) return false;
    if (words.length === 0) return true;
    const name = key.toLowerCase();
    const content = value.toLowerCase();
    return words.every((word) => name.includes(word) || content.includes(word));
  });
}

/** The key of the filter language for an attribute; null when its value cannot be compared. */
export function filterKey({ level, key, type }: Entry): string | null {
  if (type === "array" || type === "map" || type === "bytes" || type === "null") return null;
  if (level === "resource" && key === "service.name") return "service";
  return /^[\w.@-]+$/.test(key) ? `${level}.${key}` : null;
}
