import { expect, test } from "vitest";
import { flag, int, oneOf, parseSearch, stringifySearch, text, texts } from "./params";

test("nanoseconds and filters come back as they were written", () => {
  const search = {
    from: "1763880000123456789",
    q: 'service:checkout duration>250ms "a+b & c=d" 50%',
    filter: ["k=v", "x=y"],
    none: undefined,
  };
  const { none: _, ...kept } = search;
  expect(parseSearch(stringifySearch(search))).toEqual(kept);
  expect(stringifySearch({ q: "service:a b" })).toBe("?q=service:a+b");
  expect(stringifySearch({})).toBe("");
});

test("values that do not fit are not there", () => {
  const raw = parseSearch("?a=5&b=x&c=1&d=1&d=2&e=");
  expect(int(raw, "a", 0, 9)).toBe(5);
  expect(int(raw, "a", 6, 9)).toBeUndefined();
  expect(int(raw, "b", 0, 9)).toBeUndefined();
  expect(oneOf(raw, "b", ["x", "y"])).toBe("x");
  expect(oneOf(raw, "b", ["y"])).toBeUndefined();
  expect(flag(raw, "c")).toBe(true);
  expect(texts(raw, "d")).toEqual(["1", "2"]);
  expect(text(raw, "d")).toBe("1");
  expect(text(raw, "e")).toBeUndefined();
});
