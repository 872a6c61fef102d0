import { describe, expect, test } from "vitest";
import {
  absolute,
  bounds,
  described,
  instant,
  isRelative,
  midnight,
  stepped,
  written,
  zoomed,
} from "./range";

const NOW = instant("2026-11-23T12:30:00Z", 0n) ?? 0n;

describe("what an instant means", () => {
  test.each([
    ["now", "2026-11-23T12:30:00Z"],
    ["now-15m", "2026-11-23T12:15:00Z"],
    ["now-2d", "2026-11-21T12:30:00Z"],
    ["2026-11-23T10:00:00+01:00", "2026-11-23T09:00:00Z"],
    ["2026-11-23T10:00:00.000000007Z", "2026-11-23T10:00:00.000000007Z"],
    ["1763880000123456789", "2025-11-23T06:40:00.123456789Z"],
  ])("%s", (text, meant) => expect(written(instant(text, NOW) ?? 0n)).toBe(meant));

  test("nonsense means nothing", () => {
    expect(instant("yesterday", NOW)).toBeNull();
    expect(bounds({ from: "now", to: "now-1h" }, NOW)).toBeNull();
  });
});

test("ranges are said as people say them", () => {
  expect(described({ from: "now-1h", to: "now" }, NOW, "UTC")).toBe("Last 1 h");
  const day = { from: "2026-11-23T10:00:00Z", to: "2026-11-23T11:00:30Z" };
  expect(described(day, NOW, "UTC")).toBe("10:00 – 11:00:30");
  expect(described(day, NOW, "Asia/Tokyo")).toBe("19:00 – 20:00:30");
  const over = { from: "2026-11-21T10:00:00Z", to: "2026-11-22T11:00:00Z" };
  expect(described(over, NOW, "UTC")).toBe("2026-11-21 10:00 – 2026-11-22 11:00");
  expect(isRelative({ from: "now-1h", to: "now" })).toBe(true);
  expect(isRelative(day)).toBe(false);
});

test("steps and zooms keep length and middle", () => {
  const hour = bounds({ from: "now-1h", to: "now" }, NOW) ?? { from: 0n, to: 0n };
  expect(absolute(stepped(hour, -1))).toEqual({
    from: "2026-11-23T10:30:00Z",
    to: "2026-11-23T11:30:00Z",
  });
  expect(absolute(zoomed(hour, 2))).toEqual({
    from: "2026-11-23T11:00:00Z",
    to: "2026-11-23T13:00:00Z",
  });
});

test("midnight is the zone's", () => {
  expect(written(midnight(NOW, "Europe/Berlin"))).toBe("2026-11-22T23:00:00Z");
  expect(written(midnight(NOW, "UTC", -1))).toBe("2026-11-22T00:00:00Z");
});
