import { describe, expect, test } from "vitest";
import { parseRange } from "./freetime";
import { instant } from "./range";

/** A Monday. */
const NOW = instant("2026-11-23T12:30:00Z", 0n) ?? 0n;
const read = (text: string, zone = "UTC") => {
  const range = parseRange(text, NOW, zone);
  return range && `${range.from} ${range.to}`.replaceAll("2026-", "").replaceAll(":00Z", "");
};

describe("relative", () => {
  test.each([
    ["last 90m", "now-90m now"],
    ["15 min", "now-15m now"],
    ["past 2 hours", "now-2h now"],
    ["Last hour", "now-1h now"],
    ["last week", "now-1w now"],
    ["now-2h", "now-2h now"],
    ["now-2h to now-1h", "now-2h now-1h"],
  ])("%s", (text, range) => expect(read(text)).toBe(range));
});

describe("absolute", () => {
  test.each([
    ["yesterday 14:00", "11-22T14:00 11-22T15:00"],
    ["yesterday", "11-22T00:00 11-23T00:00"],
    ["today", "11-23T00:00 11-24T00:00"],
    ["since 11:00", "11-23T11:00 now"],
    ["11:00-12:00", "11-23T11:00 11-23T12:00"],
    ["2026-11-23 10:00 to 11:00", "11-23T10:00 11-23T11:00"],
    ["2026-11-21 to 2026-11-22", "11-21T00:00 11-23T00:00"],
    ["21 Nov 9:30 - 22 Nov 9:30", "11-21T09:30 11-22T09:30"],
    ["Nov 21, 2pm", "11-21T14:00 11-21T15:00"],
    ["sat 12:00", "11-21T12:00 11-21T13:00"],
    ["yesterday 9am to now", "11-22T09:00 now"],
    ["24 Dec", "2025-12-24T00:00 2025-12-25T00:00"],
    ["1763892000 to 1763895600", "2025-11-23T10:00 2025-11-23T11:00"],
  ])("%s", (text, range) => expect(read(text)).toBe(range));

  test("in the zone that is shown", () => {
    expect(read("10:00 to 11:00", "Europe/Berlin")).toBe("11-23T09:00 11-23T10:00");
  });
});

describe("pasted", () => {
  test.each([
    ['{"from":"now-3h","to":"now"}', "now-3h now"],
    ["http://host:4319/traces?from=now-3h&q=x", "now-3h now"],
    [
      '{"from":"1763892000000000000","to":"2025-11-23T11:00:00Z"}',
      "2025-11-23T10:00 2025-11-23T11:00",
    ],
  ])("%s", (text, range) => expect(read(text)).toBe(range));
});

test.each(["", "soon", "25:99", "11:00 to 10:00", "{", "2026-13-01", "5"])(
  "not a range: %s",
  (text) => {
    expect(parseRange(text, NOW, "UTC")).toBeNull();
  },
);
