import { expect, test } from "vitest";
import { findRuns, forget, parseHistory, type Ran, remember } from "./history";

const ran = (sql: string, at = 0): Ran => ({ sql, at, elapsedMs: 1, rows: 0, outcome: "ok" });

test("a statement run again moves to the head", () => {
  const list = [ran("b", 2), ran("a", 1)];
  expect(remember(list, ran("a", 3)).map(({ sql, at }) => [sql, at])).toEqual([
    ["a", 3],
    ["b", 2],
  ]);
});

test("the list is bounded in number and in bytes", () => {
  let list: Ran[] = [];
  for (let index = 0; index < 300; index += 1) list = remember(list, ran(`q${index}`));
  expect(list).toHaveLength(200);
  expect(remember(list, ran("x".repeat(600_000)))).not.toHaveLength(200);
});

test("search wants every word", () => {
  const list = [ran("SELECT name FROM spans"), ran("SELECT body FROM logs")];
  expect(findRuns(list, "select LOGS").map(({ sql }) => sql)).toEqual(["SELECT body FROM logs"]);
  expect(findRuns(list, " ")).toHaveLength(2);
});

test("one can be forgotten", () => expect(forget([ran("a"), ran("b")], "a")).toEqual([ran("b")]));

test("foreign storage is no history", () => {
  expect(parseHistory({ a: 1 })).toEqual([]);
  expect(parseHistory([1, null, { sql: "a", at: 1 }])).toHaveLength(1);
});
