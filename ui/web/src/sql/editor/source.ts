import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  type CompletionSource,
  pickedCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import type { Catalogue } from "../catalogue";
import { attributeLevel, attributeTable, tablesOf, wantedAt } from "../complete";
import { statementAt } from "../statements";
import { KEYWORDS } from "./dialect";

/** Columns that hold attributes: their keys are completed inside the brackets. */
const MAPS = new Set(["attributes", "resource_attributes", "scope_attributes"]);

/** Completes tables, columns, functions, keywords and attribute keys from `catalogue()`. */
export function completion(catalogue: () => Catalogue): CompletionSource {
  return async (context) => {
    const whole = context.state.doc.toString();
    const statement = statementAt(whole, context.pos);
    const start = statement === null ? 0 : Math.min(statement.from, context.pos);
    const wanted = wantedAt(whole.slice(start, context.pos));
    if (wanted === null) return null;
    const from = start + wanted.from;
    if (!context.explicit && from === context.pos && wanted.what === "any") return null;
    const known = catalogue();
    const read = tablesOf(statement?.text ?? "");
    switch (wanted.what) {
      case "attribute":
        return keys(context, from, wanted.column, read, known);
      case "table":
        return answer(from, tables(known));
      case "column":
        return answer(from, columns(known, [read.get(wanted.qualifier.toLowerCase()) ?? ""]));
      default:
        return answer(from, [
          ...columns(known, [...new Set(read.values())]),
          ...functions(known),
          ...tables(known),
          ...KEYWORDS.map((word) => ({ label: word, type: "keyword", boost: -2 })),
        ]);
    }
  };
}

function answer(from: number, options: Completion[]): CompletionResult {
  return { from, options, validFor: /^\w*$/ };
}

function tables(known: Catalogue): Completion[] {
  return known.tables.map(({ name, columns }) => ({
    label: name,
    type: "table",
    detail: `${columns.length} columns`,
    boost: 1,
  }));
}

/** Columns of the named tables; of all tables when the statement names none yet. */
function columns(known: Catalogue, names: string[]): Completion[] {
  const read = known.tables.filter(({ name }) => names.includes(name));
  const from = read.length > 0 ? read : known.tables;
  const found = new Map<string, Completion>();
  for (const table of from) {
    for (const column of table.columns) {
      if (column.name.includes(".") || found.has(column.name)) continue;
      const option: Completion = {
        label: column.name,
        type: "column",
        detail: read.length > 0 ? column.type : table.name,
        boost: read.length > 0 ? 3 : 0,
        ...(column.doc ? { info: column.doc } : {}),
      };
      if (MAPS.has(column.name)) option.apply = openBrackets;
      found.set(column.name, option);
    }
  }
  return [...found.values()];
}

function functions(known: Catalogue): Completion[] {
  return known.functions.map(({ name, kind, syntax, description }) => ({
    label: name,
    type: "function",
    detail: kind,
    boost: kind === "aggregate" ? -0.5 : -1,
    apply: (view, option, from, to) =>
      replace(view, option, from, to, `${name}()`, name.length + 1),
    ...(description === "" && syntax === ""
      ? {}
      : { info: [syntax, description].filter(Boolean).join("\n\n") }),
  }));
}

function replace(
  view: EditorView,
  option: Completion,
  from: number,
  to: number,
  insert: string,
  cursor: number,
) {
  view.dispatch({
    changes: { from, to, insert },
    selection: { anchor: from + cursor },
    annotations: pickedCompletion.of(option),
    userEvent: "input.complete",
  });
}

/** `attributes` becomes `attributes['…']` and asks for its keys. */
function openBrackets(view: EditorView, option: Completion, from: number, to: number) {
  const { label } = option;
  replace(view, option, from, to, `${label}['']`, label.length + 2);
  startCompletion(view);
}

async function keys(
  context: CompletionContext,
  from: number,
  column: string,
  read: Map<string, string>,
  known: Catalogue,
): Promise<CompletionResult | null> {
  const names = new Set([...read.values()].map(attributeTable).filter((name) => name !== null));
  const asked = names.size > 0 ? [...names] : (["spans", "logs", "metrics"] as const);
  const lists = await Promise.all(
    asked.map(async (table) => {
      const level = attributeLevel(table, column);
      return (await known.keys(table)).filter((key) => key.level === level);
    }),
  );
  if (context.aborted) return null;
  const found = new Map<string, Completion>();
  for (const { key, types, count } of lists.flat()) {
    if (found.has(key)) continue;
    found.set(key, {
      label: key,
      type: "property",
      detail: `${types.join(", ")} · ${count.toLocaleString("en-US")}`,
      apply: (view, option, start, to) => closeBrackets(view, option, start, to, key),
      boost: Math.min(9, Math.log10(count + 1)),
    });
  }
  return { from, options: [...found.values()], validFor: /^[^']*$/ };
}

function closeBrackets(
  view: EditorView,
  option: Completion,
  from: number,
  to: number,
  key: string,
) {
  const after = view.state.sliceDoc(to, to + 2);
  const close = after === "']" ? "" : after.startsWith("'") ? "" : "']";
  const text = key.replaceAll("'", "''");
  const past = after === "']" ? 2 : 0;
  replace(view, option, from, to, text + close, text.length + close.length + past);
}
