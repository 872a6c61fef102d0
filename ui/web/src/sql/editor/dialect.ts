import { SQLDialect } from "@codemirror/lang-sql";

const CLAUSES =
  "select distinct from where group by having order limit offset with recursive as on using join left right full inner outer cross natural semi anti union all except intersect values qualify window over partition rows range groups preceding following unbounded current row filter within explain analyze verbose describe show tables columns";
const OPERATORS =
  "and or not in is null like ilike similar to between exists case when then else end cast try_cast extract interval asc desc nulls first last true false any some escape unnest lateral at time zone";
const TYPES =
  "bigint int integer smallint tinyint boolean double float real decimal numeric varchar text char string date time timestamp timestamptz interval bytea binary json array struct";

/** Words to complete, as they are written. */
export const KEYWORDS = `${CLAUSES} ${OPERATORS}`.split(" ").map((word) => word.toUpperCase());

/** DataFusion's SQL: close to PostgreSQL; `"` quotes names, backslashes are plain. */
export function dataFusion(functions: string[]): SQLDialect {
  return SQLDialect.define({
    keywords: `${CLAUSES} ${OPERATORS}`,
    types: TYPES,
    builtin: functions.join(" "),
    backslashEscapes: false,
    doubleQuotedStrings: false,
    hashComments: false,
    identifierQuotes: '"',
    operatorChars: "+-*/<>=~!@%^&|?:",
    caseInsensitiveIdentifiers: true,
  });
}
