/** What the command palette offers for a typed text. */
import { grouped } from "../kit/group";

export interface Command {
  /** Unique. */
  id: string;
  group: string;
  name: string;
  detail?: string;
  /** Keys that do the same, as bindings write them. */
  keys?: string;
  /** Name of a service, to be drawn with its colour. */
  service?: string;
  run(): void;
}

/** A pasted id: 32 hex digits are a trace, 16 are a span; also with dashes or a traceparent around. */
export function idOf(text: string): { kind: "trace" | "span"; id: string } | null {
  const typed = text.trim().toLowerCase();
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(typed)?.[1];
  const id = parent ?? typed.replaceAll("-", "");
  if (/^[0-9a-f]{32}$/.test(id)) return { kind: "trace", id };
  return /^[0-9a-f]{16}$/.test(id) ? { kind: "span", id } : null;
}

/** Rank of a name that has the typed letters somewhere, in order. */
const LETTERS = 10;

/** How well `name` fits `text`: 0 not at all; beginnings of words before letters in order. */
export function rank(name: string, text: string): number {
  const whole = name.toLowerCase();
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return 1;
  if (whole.startsWith(wanted)) return 100;
  const at = whole.indexOf(wanted);
  if (at >= 0) return /[^a-z0-9]/.test(whole[at - 1] ?? "") ? 80 : 60;
  const words = wanted.split(/\s+/);
  if (words.length > 1 && words.every((word) => whole.includes(word))) return 40;
  let found = 0;
  for (const letter of whole) if (letter === wanted[found]) found += 1;
  return found === wanted.length ? LETTERS : 0;
}

/** The commands that rank, groups in their first order, the best of each group first. */
export function fitting(commands: readonly Command[], text: string, max: number): Command[] {
  const scored = commands
    .map((command) => ({
      command,
      score: Math.max(rank(command.name, text), rank(command.detail ?? "", text) / 2),
    }))
    .filter(({ score }) => score > 0);
  // Letters in order count only where nothing fits better.
  const best = scored.some(({ score }) => score > LETTERS) ? LETTERS : 0;
  const kept = scored.filter(({ score }) => text.trim() === "" || score > best);
  const groups = grouped(kept, ({ command }) => command.group);
  return [...groups.values()]
    .flatMap((group) =>
      group
        .toSorted((a, b) => b.score - a.score)
        .slice(0, max)
        .map(({ command }) => command),
    )
    .filter(Boolean);
}
