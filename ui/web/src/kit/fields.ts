/** Fields of spans and logs as the field list shows them: grouped, searched, named for filters. */
import type { AttributeKey, AttributeLevel } from "../api/types";

export type Field = {
  /** What stands before the colon in a filter. */
  name: string;
  key: string;
  /** Absent for fields every record has. */
  level?: AttributeLevel;
  label: string;
  /** Records that have it; null when all do. */
  count: number | null;
};

export type FieldGroup = { label: string; fields: Field[] };

const LABELS: Record<AttributeLevel, string> = {
  span: "Span attributes",
  log: "Log attributes",
  resource: "Resource",
  scope: "Scope",
  point: "Point attributes",
};
const ORDER: AttributeLevel[] = ["span", "log", "point", "resource", "scope"];

/** Attribute keys by level, the most frequent first; only those that match what is typed. */
export function groupFields(builtin: Field[], keys: AttributeKey[], search: string): FieldGroup[] {
  const wanted = search.trim().toLowerCase();
  const matches = (text: string) => text.toLowerCase().includes(wanted);
  const groups: FieldGroup[] = [
    { label: "", fields: builtin.filter((field) => matches(field.label)) },
  ];
  for (const level of ORDER) {
    const fields = keys
      .filter((each) => each.level === level && matches(each.key))
      .sort((a, b) => b.count - a.count || a.key.localeCompare(b.key))
      .map((each) => ({
        name: filterName(each, keys, builtin),
        key: each.key,
        level,
        label: each.key,
        count: each.count,
      }));
    groups.push({ label: LABELS[level], fields });
  }
  return groups.filter((group) => group.fields.length > 0);
}

/** A bare key finds it at any level: the level is written only where another one has it too. */
function filterName(field: AttributeKey, keys: AttributeKey[], builtin: Field[]): string {
  const twice = keys.some((other) => other.key === field.key && other.level !== field.level);
  const taken = builtin.some((other) => other.name === field.key);
  return twice || taken ? `${field.level}.${field.key}` : field.key;
}
