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

/** Keys of the list; they work only while it has the focus. */
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

/** Keys of the page; they can be switched off and are listed in the help. */
export const PAGE_KEYS: readonly { keys: string; command: Command; name: string }[] = [
  { keys: "j", command: "down", name: "Next row" },
  { keys: "k", command: "up", name: "Previous row" },
  { keys: "h", command: "collapse", name: "Collapse the row, or go to its parent" },
  { keys: "l", command: "expand", name: "Expand the row, or go to its first child" },
  { keys: "Enter", command: "open", name: "Open the span" },
  { keys: "[", command: "close-level", name: "Collapse one level everywhere" },
  { keys: "]", command: "open-level", name: "Expand one level everywhere" },
  { keys: "n", command: "next-match", name: "Next match" },
  { keys: "Shift+N", command: "previous-match", name: "Previous match" },
  { keys: "e", command: "next-error", name: "Next error" },
  { keys: "Shift+E", command: "previous-error", name: "Previous error" },
  { keys: "w", command: "zoom-in", name: "Zoom in" },
  { keys: "s", command: "zoom-out", name: "Zoom out" },
  { keys: "a", command: "pan-left", name: "Earlier" },
  { keys: "d", command: "pan-right", name: "Later" },
  { keys: "f", command: "fit", name: "Fit the span, or all" },
  { keys: "p", command: "path", name: "Critical path" },
  { keys: "v", command: "view", name: "Next view" },
];

interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

export function listCommand({ key, ctrlKey, metaKey, altKey }: KeyPress): Command | null {
  return ctrlKey || metaKey || altKey ? null : (LIST_KEYS[key] ?? null);
}
