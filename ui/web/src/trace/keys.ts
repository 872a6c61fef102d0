/** The key map of the trace page (UI.md section 5), as data. */

export type Command =
  | "down"
  | "up"
  | "collapse"
  | "expand"
  | "page-down"
  | "page-up"
  | "first"
  | "last"
  | "open"
  | "back"
  | "close-level"
  | "open-level"
  | "next-error"
  | "previous-error"
  | "next-match"
  | "previous-match"
  | "fit"
  | "zoom-in"
  | "zoom-out"
  | "pan-left"
  | "pan-right"
  | "path"
  | "view";

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** Keys that move in the list; they work only while it has the focus. */
const LIST_KEYS: Readonly<Record<string, Command>> = {
  ArrowDown: "down",
  ArrowUp: "up",
  ArrowLeft: "collapse",
  ArrowRight: "expand",
  PageDown: "page-down",
  PageUp: "page-up",
  Home: "first",
  End: "last",
  Enter: "open",
  " ": "open",
};

/** Single letters; they work anywhere on the page outside text fields. */
const LETTER_KEYS: Readonly<Record<string, Command>> = {
  j: "down",
  k: "up",
  h: "collapse",
  l: "expand",
  "[": "close-level",
  "]": "open-level",
  e: "next-error",
  E: "previous-error",
  n: "next-match",
  N: "previous-match",
  f: "fit",
  w: "zoom-in",
  s: "zoom-out",
  a: "pan-left",
  d: "pan-right",
  p: "path",
  v: "view",
};

export function listCommand(press: KeyPress): Command | null {
  return plain(press) ? (LIST_KEYS[press.key] ?? null) : null;
}

export function letterCommand(press: KeyPress): Command | null {
  return plain(press) ? (LETTER_KEYS[press.key] ?? null) : null;
}

function plain(press: KeyPress): boolean {
  return !press.ctrlKey && !press.metaKey && !press.altKey;
}
