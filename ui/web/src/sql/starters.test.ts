import { expect, test } from "vitest";
import { starters, timeCondition } from "./starters";

test("the page's range becomes a condition", () => {
  expect(timeCondition("t", { from: "now-15m", to: "now" })).toBe(
    "t >= now() - INTERVAL '15 minutes'",
  );
  expect(timeCondition("t", { from: "now-2d", to: "now-1d" })).toBe(
    "t >= now() - INTERVAL '2 days' AND t < now() - INTERVAL '1 day'",
  );
  expect(timeCondition("t", { from: "2026-11-23T10:00:00Z", to: "1795398754334189907" })).toBe(
    "t >= TIMESTAMP '2026-11-23T10:00:00Z' AND t < TIMESTAMP '2026-11-23T01:52:34.334189907Z'",
  );
});

test("starters have names of their own and carry the range", () => {
  const all = starters({ from: "now-3h", to: "now" });
  expect(new Set(all.map(({ title }) => title)).size).toBe(all.length);
  for (const { sql } of all) expect(sql).toContain("INTERVAL '3 hours'");
});
