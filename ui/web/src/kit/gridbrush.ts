/**
 * Selecting a box of cells: by dragging, by two clicks, and by keys. Pure; the canvas feeds it.
 *
 * A histogram is a grid of one row. Cells count from the left and from the bottom.
 */

export type Cell = { column: number; row: number };
/** Cells from one corner to the other, both included; `left <= right`, `bottom <= top`. */
export type Box = { left: number; right: number; bottom: number; top: number };

export class GridBrush {
  columns: number;
  rows: number;
  /** The cell under the pointer or the keyboard's cursor. */
  cursor: Cell | null = null;
  /** The first corner of a box that is being drawn. */
  #anchor: Cell | null = null;
  #pressed = false;
  #moved = false;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** The box being drawn, if any. */
  get draft(): Box | null {
    return this.#anchor && this.cursor ? boxOf(this.#anchor, this.cursor) : null;
  }

  /** Another grid: what was being drawn on the old one has no meaning here. */
  resize(columns: number, rows: number) {
    if (columns === this.columns && rows === this.rows) return;
    this.columns = columns;
    this.rows = rows;
    this.cursor = null;
    this.cancel();
  }

  cancel() {
    this.#anchor = null;
    this.#pressed = false;
    this.#moved = false;
  }

  /** The pointer went down; a box that waits for its second corner is finished by `up`. */
  down(cell: Cell) {
    this.cursor = cell;
    this.#pressed = true;
    this.#moved = this.#anchor !== null;
    this.#anchor ??= cell;
  }

  move(cell: Cell | null) {
    if (cell === null && this.#anchor) return;
    this.cursor = cell;
    if (!this.#pressed || !cell || !this.#anchor) return;
    if (cell.column !== this.#anchor.column || cell.row !== this.#anchor.row) this.#moved = true;
  }

  /** The pointer went up: a finished box, or null after the first of two clicks. */
  up(): Box | null {
    if (!this.#pressed) return null;
    this.#pressed = false;
    return this.#moved ? this.#finish() : null;
  }

  /** Puts a corner at the cursor; the second one finishes the box. */
  mark(): Box | null {
    this.cursor ??= { column: this.columns - 1, row: 0 };
    if (this.#anchor) return this.#finish();
    this.#anchor = this.cursor;
    return null;
  }

  /** Moves the cursor by cells, held within the grid. */
  step(columns: number, rows: number) {
    const from = this.cursor ?? { column: this.columns, row: 0 };
    this.cursor = {
      column: clamp(from.column + columns, this.columns),
      row: clamp(from.row + rows, this.rows),
    };
  }

  #finish(): Box | null {
    const box = this.draft;
    this.cancel();
    return box;
  }
}

export function boxOf(a: Cell, b: Cell): Box {
  return {
    left: Math.min(a.column, b.column),
    right: Math.max(a.column, b.column),
    bottom: Math.min(a.row, b.row),
    top: Math.max(a.row, b.row),
  };
}

function clamp(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value));
}
