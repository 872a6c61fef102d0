/** The neighbours of a record: what they share with it, and pages of them on both sides. */
import type { LogContextAnswer, LogSummary, StreamBy } from "../api/types";

export const BYS = ["instance", "service", "pod", "host", "file", "all"] as const;

export const BY_TEXT: Record<StreamBy, string> = {
  instance: "instance",
  service: "service",
  pod: "pod",
  host: "host",
  file: "file",
  all: "everything",
};

/** Lines on each side at first, and of each further page. */
export const FIRST_LINES = 50;
export const MORE_LINES = 200;

/** Which lines to ask for: on both sides of a record, or beyond the outermost one. */
export type Side = { id: string; before: number; after: number };

export type Lines = {
  lines: LogSummary[];
  /** Place of the record itself. */
  marked: number;
  /** How many lines were put before those of the first answer. */
  earlier: number;
  moreBefore: boolean;
  moreAfter: boolean;
};

/**
 * Joins the answers of `Side`s, in the order of time: all but one of them are one-sided, and repeat
 * the line that they were asked about.
 */
export function joined(pages: readonly LogContextAnswer[], id: string): Lines {
  const at = Math.max(
    0,
    pages.findIndex((page) => page.log.id === id),
  );
  const lines: LogSummary[] = [];
  let marked = 0;
  let earlier = 0;
  pages.forEach((page, index) => {
    if (index < at) earlier += page.before.length;
    if (index <= at) lines.push(...page.before);
    if (index === at) {
      marked = lines.length;
      lines.push(page.log);
    }
    if (index >= at) lines.push(...page.after);
  });
  return {
    lines,
    marked,
    earlier,
    moreBefore: pages[0]?.more_before ?? false,
    moreAfter: pages.at(-1)?.more_after ?? false,
  };
}

/** The page before the first one, or null when there is none. */
export function sideBefore(page: LogContextAnswer): Side | null {
  const outermost = page.before[0];
  if (!page.more_before || !outermost) return null;
  return { id: outermost.id, before: MORE_LINES, after: 0 };
}

export function sideAfter(page: LogContextAnswer): Side | null {
  const outermost = page.after.at(-1);
  if (!page.more_after || !outermost) return null;
  return { id: outermost.id, before: 0, after: MORE_LINES };
}
