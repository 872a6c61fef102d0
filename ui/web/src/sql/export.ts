import type { Column } from "../api/types";
import { kindOf, valueText } from "./result";
import type { Value } from "./stream";

function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180 with a head; NULL is an empty field. */
export function toCsv(columns: Column[], rows: Value[][]): string {
  const lines = [columns.map((column) => csvField(column.name))];
  for (const row of rows) lines.push(columns.map((_, index) => csvField(valueText(row[index]))));
  return `${lines.map((line) => line.join(",")).join("\n")}\n`;
}

/** An array of objects, one a line. */
export function toJson(columns: Column[], rows: Value[][]): string {
  const objects = rows.map((row) =>
    JSON.stringify(
      Object.fromEntries(columns.map((column, index) => [column.name, row[index] ?? null])),
    ),
  );
  return `[\n${objects.join(",\n")}\n]\n`;
}

function markdownCell(text: string): string {
  return text
    .replaceAll("\\", "\\\\")
    .replaceAll("|", "\\|")
    .replace(/\r?\n|\r/g, "<br>");
}

/** A table as GitHub reads it; numbers stand right. */
export function toMarkdown(columns: Column[], rows: Value[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const rule = columns.map((column) => (kindOf(column.type) === "number" ? "---:" : "---"));
  const head = line(columns.map((column) => markdownCell(column.name)));
  const body = rows.map((row) =>
    line(columns.map((_, index) => markdownCell(valueText(row[index])))),
  );
  return `${[head, line(rule), ...body].join("\n")}\n`;
}
