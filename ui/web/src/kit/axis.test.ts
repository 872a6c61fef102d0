import { describe, expect, it } from "vitest";
import { durationTicks, timeTicks } from "./axis";

const at = (text: string) => BigInt(Date.parse(text)) * 1_000_000n;
const MINUTE = 60e9;
const labels = (ticks: { label: string }[]) => ticks.map((tick) => tick.label);

describe("timeTicks", () => {
  it("stands at round minutes of an hour", () => {
    const ticks = timeTicks(at("2026-11-23T13:04:30Z"), 60 * MINUTE, 7, "UTC");
    expect(labels(ticks)).toEqual(["13:10", "13:20", "13:30", "13:40", "13:50", "14:00"]);
    expect(ticks[0]?.at).toBe(5.5 * MINUTE);
  });

  it("names the day at midnight, and counts days in the zone", () => {
    expect(labels(timeTicks(at("2026-11-23T20:00:00Z"), 8 * 60 * MINUTE, 5, "UTC"))).toEqual([
      "20:00",
      "22:00",
      "24 Nov",
      "02:00",
      "04:00",
    ]);
    const days = timeTicks(at("2026-11-20T00:00:00Z"), 4 * 24 * 60 * MINUTE, 5, "Europe/Berlin");
    expect(labels(days)).toEqual(["21 Nov", "22 Nov", "23 Nov", "24 Nov"]);
    expect(days[0]?.at).toBe(23 * 60 * MINUTE);
  });

  it("keeps days at midnight when the clock changes", () => {
    const days = timeTicks(at("2026-10-23T22:00:00Z"), 4 * 24 * 60 * MINUTE, 5, "Europe/Berlin");
    expect(labels(days)).toEqual(["24 Oct", "25 Oct", "26 Oct", "27 Oct"]);
    expect(days[2]?.at).toBe(49 * 60 * MINUTE);
  });

  it("goes down to nanoseconds without losing digits", () => {
    const ticks = timeTicks(at("2026-11-23T13:42:07Z") + 114_293_810n, 20, 3, "UTC");
    expect(labels(ticks)).toEqual(["07.114293810", "07.114293820", "07.114293830"]);
    expect(labels(timeTicks(at("2026-11-23T13:42:07.1Z"), 4e8, 5, "UTC"))[1]).toBe("07.200");
  });

  it("has nothing to say about an empty range", () => {
    expect(timeTicks(0n, 0, 5, "UTC")).toEqual([]);
    expect(timeTicks(0n, Number.NaN, 5, "UTC")).toEqual([]);
  });
});

describe("durationTicks", () => {
  it("has one tick a decade, fewer when there is no room", () => {
    expect(labels(durationTicks(3_000, 2e9, 8))).toEqual([
      "10 µs",
      "100 µs",
      "1 ms",
      "10 ms",
      "100 ms",
      "1 s",
    ]);
    expect(labels(durationTicks(3_000, 2e9, 3))).toEqual(["10 µs", "1 ms", "100 ms"]);
    expect(labels(durationTicks(0, 10, 4))).toEqual(["1 ns", "10 ns"]);
    expect(durationTicks(20, 90, 4)).toEqual([]);
  });
});
