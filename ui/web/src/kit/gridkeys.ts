import type { KeyboardEvent } from "react";

const MOVES: Record<string, [rows: number, cells: number]> = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  j: [1, 0],
  k: [-1, 0],
};

/** Moves the focus between the links and buttons of a table with `role="grid"`. */
export function onGridKey(event: KeyboardEvent<HTMLElement>): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const cell = (event.target as HTMLElement).closest<HTMLElement>("td, th");
  const row = cell?.closest("tr");
  if (!cell || !row) return;
  const rows = [...event.currentTarget.querySelectorAll("tr")];
  const from = rows.indexOf(row);
  const move = MOVES[event.key];
  if (event.key === "Home" || event.key === "End") {
    focusIn(event.key === "Home" ? rows[1] : rows.at(-1), [...row.children].indexOf(cell), 0);
  } else if (move?.[0]) {
    focusIn(rows[from + move[0]], [...row.children].indexOf(cell), 0);
  } else if (move) {
    focusIn(row, [...row.children].indexOf(cell) + move[1], move[1]);
  } else return;
  event.preventDefault();
}

/** Focuses what can be focused in the cell `at`, or in the next one in the direction `step`. */
function focusIn(row: Element | undefined, at: number, step: number): void {
  for (let cell = at; row?.children[cell]; cell += step) {
    const target = row.children[cell]?.querySelector<HTMLElement>("a, button");
    if (target) {
      target.focus();
      return;
    }
    if (step === 0) return;
  }
}
