/** Fields in groups by where they belong, those that most records have first. */
import type { AttributeLevel, LogField } from "../api/types";

const GROUPS: readonly { level: LogField["level"]; label: string }[] = [
  { level: "field", label: "" },
  { level: "log", label: "Attributes" },
  { level: "resource", label: "Resource" },
  { level: "scope", label: "Scope" },
];

/** The groups that have a field with `search` in its name; the order within is the server's. */
export function fieldGroups(fields: readonly LogField[], search: string) {
  const wanted = search.trim().toLowerCase();
  return GROUPS.map(({ level, label }) => ({
    label,
    fields: fields.filter(
      (field) => field.level === level && field.key.toLowerCase().includes(wanted),
    ),
  })).filter((group) => group.fields.length > 0);
}

/** A field's own key and level, as questions about values have them. */
export function levelOf(field: Pick<LogField, "key" | "level">): {
  key: string;
  level: AttributeLevel | null;
} {
  const { key, level } = field;
  if (level === "field") return { key, level: null };
  const prefix = `${level}.`;
  return { key: key.startsWith(prefix) ? key.slice(prefix.length) : key, level };
}
