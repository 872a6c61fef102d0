import { describe, expect, it } from "vitest";
import type { LogSummary } from "../api/types";
import { isGap, TailLog } from "./tail";

const records = (from: number, to: number, body = "") =>
  Array.from({ length: to - from }, (_, i) => ({ id: String(from + i), body }) as LogSummary);
const ids = (log: TailLog) => Array.from({ length: log.count }, (_, i) => log.at(i)?.id);

describe("a live tail", () => {
  it("keeps the newest rows; numbers of rows only grow", () => {
    const log = new TailLog(5);
    log.add(records(0, 4), null);
    expect([log.base, log.count]).toEqual([0, 4]);
    log.add(records(4, 12), null);
    expect([log.base, log.count, log.missed]).toEqual([7, 5, 0]);
    expect(ids(log)).toEqual(["7", "8", "9", "10", "11"]);
  });

  it("throws nothing away from where a reader looks, and counts what found no room", () => {
    const log = new TailLog(5);
    log.add(records(0, 5), null);
    log.add(records(5, 12), 2);
    expect(ids(log)).toEqual(["2", "3", "4", "5", "6"]);
    expect(log.missed).toBe(5);
    log.add(records(12, 14), null);
    expect(ids(log)).toEqual(["4", "5", "6", "12", "13"]);
  });

  it("is bounded by text too, and keeps one record that is larger than that", () => {
    const log = new TailLog(1000, 10_000);
    log.add(records(0, 40, "x".repeat(700)), null);
    expect(log.count).toBe(10);
    log.add(records(40, 41, "x".repeat(20_000)), null);
    expect(ids(log)).toEqual(["40"]);
  });

  it("lets records wait while paused, and shows them in order", () => {
    const log = new TailLog(5);
    log.add(records(0, 2), null);
    log.paused = true;
    log.add(records(2, 9), null);
    expect([log.count, log.waiting, log.missed]).toEqual([2, 5, 2]);
    log.resume();
    expect(ids(log)).toEqual(["2", "3", "4", "5", "6"]);
    expect(log.waiting).toBe(0);
  });

  it("says where it was interrupted, and counts on", () => {
    const log = new TailLog(5);
    log.tell({ matched: 10, shown: 8, dropped: 2, unread: 1 });
    log.add(records(0, 1), null);
    log.reconnected("3 s are missing");
    log.tell({ matched: 5, shown: 5, dropped: 0, unread: 0 });
    expect(log.totals).toEqual({ matched: 15, shown: 13, dropped: 2, unread: 1 });
    const last = log.at(1);
    expect(last && isGap(last)).toBe(true);
    log.clear();
    expect([log.count, log.base, log.totals.matched]).toEqual([0, 2, 0]);
  });

  it("keeps its order over many rounds", () => {
    const log = new TailLog(1000);
    for (let at = 0; at < 50_000; at += 100) log.add(records(at, at + 100), null);
    expect(ids(log).at(0)).toBe("49000");
    expect(log.at(999)?.id).toBe("49999");
    expect(log.at(1000)).toBeUndefined();
  });
});
