import { describe, expect, test } from "vitest";
import {
  exactDuration,
  exactTime,
  formatAgo,
  formatBytes,
  formatClock,
  formatCompact,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatTime,
  plural,
  visible,
} from "./format";

/** With plain spaces, as people read it. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("durations", () => {
  test.each([
    [0, "0 ns"],
    [7, "7 ns"],
    [999, "999 ns"],
    [1000, "1.00 µs"],
    [380_000, "380 µs"],
    [999_499, "999 µs"],
    [999_500, "1.00 ms"],
    [12_340_000, "12.3 ms"],
    [1_240_000_000, "1.24 s"],
    [83_100_000_000, "83.1 s"],
    [125_000_000_000, "2 min 5 s"],
    [3_600_000_000_000, "1 h"],
    [200_000_000_000_000, "2 d 7 h"],
    [-5_000, "−5.00 µs"],
  ])("%d ns", (nanos, text) => expect(plain(formatDuration(nanos))).toBe(text));

  test("without an end", () => {
    expect(formatDuration(null)).toBe("–");
    expect(formatDuration(Number.NaN)).toBe("–");
    expect(exactDuration(null)).toBe("no end time");
    expect(plain(exactDuration(1_240_000_001))).toBe("1 240 000 001 ns");
  });
});

test("counts, rates, shares and sizes", () => {
  expect(plain(formatCount(48_312))).toBe("48 312");
  expect(plain(formatCount(-1204n))).toBe("−1 204");
  expect(plain(formatCompact(31_000_000))).toBe("31 M");
  expect(plain(formatRate(1204.4))).toBe("1 204");
  expect(formatRate(3.123)).toBe("3.12");
  expect(formatRate(0)).toBe("0");
  expect(plain(formatPercent(0.0312))).toBe("3.1 %");
  expect(plain(formatPercent(0.99999))).toBe("99.9 %");
  expect(plain(formatPercent(1))).toBe("100 %");
  expect(plain(formatBytes(999))).toBe("999 B");
  expect(plain(formatBytes(4_200_000))).toBe("4.2 MB");
  expect(plain(formatBytes(999_900))).toBe("1 MB");
  expect(plural(1, "span")).toBe("1 span");
  expect(plural(2, "query", "queries")).toBe("2 queries");
});

test("times keep every nanosecond and follow the zone", () => {
  const nanos = "1764000127114293817";
  expect(exactTime(nanos)).toBe("2025-11-24T16:02:07.114293817Z");
  expect(exactTime(nanos, "Europe/Berlin")).toBe("2025-11-24T17:02:07.114293817+01:00");
  expect(formatTime(nanos, "America/New_York")).toBe("2025-11-24 11:02:07.114");
  expect(formatClock(nanos, "UTC", "us")).toBe("16:02:07.114293");
  expect(formatClock("-1", "UTC", "ns")).toBe("23:59:59.999999999");
});

test("ago", () => {
  const now = 1_000_000_000_000_000_000n;
  expect(formatAgo(now, now)).toBe("now");
  expect(plain(formatAgo(now - 12_000_000_000n, now))).toBe("12 s ago");
  expect(plain(formatAgo(now - 7_200_000_000_000n, now))).toBe("2 h ago");
});

test("hostile characters are seen", () => {
  expect(visible("a\u0000b\u202ec\n")).toBe("a␀b‹U+202E›c↵");
});
