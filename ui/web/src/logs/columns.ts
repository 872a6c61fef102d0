/** Attributes shown as columns of the list, as the address has them: `http.route`, `user~240`. */

export type Column = {
  /** As in a filter. */
  key: string;
  /** In pixels. */
  width: number;
};

export const COLUMNS_MAX = 16;
const WIDTH = { least: 56, usual: 160, most: 900 };
/** One press of "wider". */
export const WIDTH_STEP = 40;
const ENDS_WITH_WIDTH = /~(\d{2,4})$/;

const held = (width: number) =>
  Math.round(Math.min(WIDTH.most, Math.max(WIDTH.least, Number.isFinite(width) ? width : 0)));

/** The columns of the address; a key that is there twice counts once. */
export function parseColumns(texts: readonly string[] | undefined): Column[] {
  const columns: Column[] = [];
  for (const text of texts ?? []) {
    const width = ENDS_WITH_WIDTH.exec(text)?.[1];
    const key = width === undefined ? text : text.slice(0, -width.length - 1);
    if (key === "" || hasColumn(columns, key)) continue;
    columns.push({ key, width: width === undefined ? WIDTH.usual : held(Number(width)) });
  }
  return columns.slice(0, COLUMNS_MAX);
}

/** As the address has them; undefined when there are none, so that the parameter goes. */
export function writeColumns(columns: readonly Column[]): string[] | undefined {
  if (columns.length === 0) return undefined;
  return columns.map(({ key, width }) =>
    width === WIDTH.usual && !ENDS_WITH_WIDTH.test(key) ? key : `${key}~${width}`,
  );
}

export function hasColumn(columns: readonly Column[], key: string): boolean {
  return columns.some((column) => column.key === key);
}

/** Adds the column at the end, or takes it away. */
export function toggled(columns: readonly Column[], key: string): Column[] {
  const without = columns.filter((column) => column.key !== key);
  if (without.length < columns.length || columns.length >= COLUMNS_MAX) return without;
  return [...columns, { key, width: WIDTH.usual }];
}

/** Moves a column by places, held within the list. */
export function moved(columns: readonly Column[], key: string, by: number): Column[] {
  const from = columns.findIndex((column) => column.key === key);
  const column = columns[from];
  if (!column) return [...columns];
  const to = Math.max(0, Math.min(columns.length - 1, from + by));
  return columns.toSpliced(from, 1).toSpliced(to, 0, column);
}

export function resized(columns: readonly Column[], key: string, width: number): Column[] {
  return columns.map((column) => (column.key === key ? { ...column, width: held(width) } : column));
}
