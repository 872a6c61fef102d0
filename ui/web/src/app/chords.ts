/** Chords and sequences of keys, as bindings write them. */

export interface Binding {
  /** One chord (`mod+k`, `?`, `Shift+R`) or a sequence of two (`g t`). */
  keys: string;
  /** What it does, as an instruction. */
  name: string;
  group: string;
  run(): void;
  /** Also while a field has the focus. */
  inFields?: boolean;
  /** Not listed among the commands of the palette. */
  quiet?: boolean;
}

/** Ms within which the second key of a sequence must follow. */
const SEQUENCE_MS = 1500;

export interface Chord {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** How a chord is written in bindings. */
export function chordText(event: Chord): string {
  const mod = event.ctrlKey || event.metaKey;
  const letter = /^[a-z]$/i.test(event.key);
  const named = event.key.length > 1;
  const parts = [
    mod && "mod",
    event.altKey && "Alt",
    event.shiftKey && (letter || named) && "Shift",
    letter && (mod || event.shiftKey)
      ? event.shiftKey && !mod
        ? event.key.toUpperCase()
        : event.key.toLowerCase()
      : event.key,
  ];
  return parts.filter(Boolean).join("+");
}

/** Follows presses and says which binding they mean. */
export class KeyReader {
  private first = "";
  private at = 0;

  read(chord: string, time: number, bindings: readonly Binding[]): Binding | "started" | null {
    const started = this.first !== "" && time - this.at < SEQUENCE_MS;
    const whole = started ? `${this.first} ${chord}` : chord;
    this.first = "";
    const found = bindings.findLast((binding) => binding.keys === whole);
    if (found) return found;
    if (!started && bindings.some((binding) => binding.keys.startsWith(`${chord} `))) {
      this.first = chord;
      this.at = time;
      return "started";
    }
    return null;
  }
}

const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);
const SIGNS: Record<string, string> = {
  mod: MAC ? "⌘" : "Ctrl",
  Shift: "⇧",
  Alt: MAC ? "⌥" : "Alt",
  Enter: "↵",
  Escape: "Esc",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
};

/** The keys of a binding as signs: `["g", "t"]`, `["Ctrl K"]`. */
export function keySigns(keys: string): string[] {
  return keys.split(" ").map((chord) => {
    if (chord === "+") return "+";
    return chord
      .split("+")
      .map((part) => SIGNS[part] ?? (chord.includes("mod+") ? part.toUpperCase() : part))
      .join(MAC ? "" : " ");
  });
}
