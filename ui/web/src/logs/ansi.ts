/**
 * Terminal escape sequences in log text, read into plain runs of text with class names.
 *
 * Input is hostile: nothing here makes markup. Colours and weights (SGR) become classes of a fixed
 * set; every other sequence (cursor moves, titles, hyperlinks) is left out, and its text kept.
 */

export type AnsiRun = { text: string; classes: string[] };

/** Colour names by SGR number modulo ten; the stylesheet has `fg-…` and `bg-…` for each. */
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

type Style = { fg: string; bg: string; flags: Set<string> };

const FLAGS: Record<number, string> = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  9: "strike",
};

/** Which flags an "off" number ends. */
const ENDS: Record<number, string[]> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
};

// CSI … final | OSC … (BEL or ST) | other strings (DCS, SOS, PM, APC) … ST | two-byte escapes
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are control characters
  /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[PX^_][^\u001b]*(?:\u001b\\)?|\u001b[ -/]*[0-Z\\-~]/g;

/** Whether there is anything to render or to leave out. */
export function hasAnsi(text: string): boolean {
  return text.includes("\u001b") || text.includes("\u009b");
}

/** The text as it would read on a terminal, in runs of equal style; adjacent runs differ. */
export function parseAnsi(text: string): AnsiRun[] {
  const runs: AnsiRun[] = [];
  const style: Style = { fg: "", bg: "", flags: new Set() };
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    push(runs, text.slice(from, match.index), style);
    from = match.index + match[0].length;
    if (match[2] === "m") applySgr(style, match[1] ?? "");
  }
  push(runs, text.slice(from), style);
  return runs;
}

/** The text without any sequence: what a search or a one-line view shows. */
export function stripAnsi(text: string): string {
  return hasAnsi(text) ? text.replace(SEQUENCE, "") : text;
}

function push(runs: AnsiRun[], text: string, style: Style) {
  if (text === "") return;
  const classes = [style.fg, style.bg, ...style.flags].filter((name) => name !== "");
  const last = runs.at(-1);
  if (last && last.classes.join() === classes.join()) last.text += text;
  else runs.push({ text, classes });
}

function applySgr(style: Style, parameters: string) {
  const numbers = parameters.split(/[;:]/).map((part) => (part === "" ? 0 : Number(part)));
  for (let i = 0; i < numbers.length; i++) {
    const n = numbers[i] ?? 0;
    if (n === 38 || n === 48) {
      const [name, used] = extended(numbers.slice(i + 1));
      if (n === 38) style.fg = name && `fg-${name}`;
      else style.bg = name && `bg-${name}`;
      i += used;
    } else {
      applyOne(style, n);
    }
  }
}

function applyOne(style: Style, n: number) {
  const flag = FLAGS[n];
  if (n === 0) {
    style.fg = "";
    style.bg = "";
    style.flags.clear();
  } else if (flag) style.flags.add(flag);
  else if (ENDS[n]) for (const ended of ENDS[n]) style.flags.delete(ended);
  else if (n === 39) style.fg = "";
  else if (n === 49) style.bg = "";
  else if ((n >= 30 && n <= 37) || (n >= 90 && n <= 97)) style.fg = `fg-${NAMES[n % 10]}`;
  else if ((n >= 40 && n <= 47) || (n >= 100 && n <= 107)) style.bg = `bg-${NAMES[n % 10]}`;
}

/** `5;N` and `2;R;G;B` after 38 or 48: the nearest named colour, and how many numbers it took. */
function extended(rest: number[]): [string, number] {
  if (rest[0] === 5) return [fromPalette(rest[1] ?? 0), 2];
  if (rest[0] === 2) return [nearest(rest[1] ?? 0, rest[2] ?? 0, rest[3] ?? 0), 4];
  return ["", 0];
}

function fromPalette(index: number): string {
  if (index < 16) return NAMES[index % 8] ?? "";
  if (index >= 232) return nearest(...gray(8 + (index - 232) * 10));
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function gray(level: number): [number, number, number] {
  return [level, level, level];
}

/** The corner of the colour cube that a colour leans to. */
function nearest(red: number, green: number, blue: number): string {
  const high = Math.max(red, green, blue);
  if (high < 48) return "black";
  const bit = (part: number) => (part > high * 0.6 ? 1 : 0);
  return NAMES[bit(red) + 2 * bit(green) + 4 * bit(blue)] ?? "";
}
