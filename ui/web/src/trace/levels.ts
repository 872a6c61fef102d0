/** Severity numbers of log records as words. */
import type { Level } from "../api/types";

const LEVELS: readonly Level[] = ["trace", "debug", "info", "warn", "error", "fatal"];

export function levelOf(severityNumber: number): Level {
  return LEVELS[Math.floor((severityNumber - 1) / 4)] ?? "unset";
}
