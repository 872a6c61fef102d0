/** What can be named in a statement: tables, columns, functions, keys of attributes. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { request } from "../api/client";
import { keysQuery, schemaQuery } from "../api/queries";
import type { AttributeKey, Range, Table } from "../api/types";

export interface Column {
  name: string;
  type: string;
  doc?: string | null;
}

export interface FunctionInfo {
  name: string;
  kind: string;
  syntax: string;
  description: string;
}

export interface Catalogue {
  tables: { name: string; columns: Column[] }[];
  functions: FunctionInfo[];
  keys(table: Table): Promise<AttributeKey[]>;
}

const FUNCTIONS = `SELECT DISTINCT routine_name, function_type, syntax_example, description
FROM information_schema.routines ORDER BY routine_name`;
const KEYS_MAX = 1000;

async function fetchFunctions(signal: AbortSignal): Promise<FunctionInfo[]> {
  const response = await request(
    "sql",
    {
      method: "POST",
      signal,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sql: FUNCTIONS }),
    },
    { format: "json" },
  );
  const answer = (await response.json()) as { rows: (string | null)[][] };
  const found = new Map<string, FunctionInfo>();
  for (const [name, kind, syntax, description] of answer.rows) {
    if (!name || found.has(name)) continue;
    found.set(name, {
      name,
      kind: (kind ?? "").toLowerCase(),
      syntax: syntax ?? "",
      description: firstParagraph(description ?? ""),
    });
  }
  return [...found.values()];
}

function firstParagraph(text: string): string {
  return text.trim().split("\n\n")[0] ?? "";
}

function fetchKeys(client: QueryClient, range: Range, table: Table): Promise<AttributeKey[]> {
  const query = keysQuery({ ...range, table, limit: KEYS_MAX });
  return client
    .fetchQuery({ ...query, staleTime: 60_000 })
    .then((answer) => answer.keys)
    .catch(() => []);
}

/** The catalogue as far as it is known; `range` bounds which attribute keys are counted. */
export function useCatalogue(range: Range): Catalogue {
  const client = useQueryClient();
  const schema = useQuery(schemaQuery());
  const functions = useQuery({
    queryKey: ["functions"],
    queryFn: ({ signal }) => fetchFunctions(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return useMemo(
    () => ({
      tables: schema.data?.tables ?? [],
      functions: functions.data ?? [],
      keys: (table) => fetchKeys(client, range, table),
    }),
    [client, schema.data, functions.data, range],
  );
}
