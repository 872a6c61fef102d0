import { describe, expect, test } from "vitest";
import { charsBefore, filterFor, markedEnd, partsOf, turned, unitOf, without } from "./filter";

const texts = (q: string) => partsOf(q).map((part) => part.text);

describe("parts", () => {
  test("are split where AND is meant", () => {
    expect(texts('service:checkout status:error duration>250ms "card declined" -health')).toEqual([
      "service:checkout",
      "status:error",
      "duration>250ms",
      '"card declined"',
      "-health",
    ]);
  });
  test("stay together in parentheses, quotes and around OR", () => {
    expect(texts('(a OR b c) NOT x AND name:"GET /a b"')).toEqual([
      "(a OR b c)",
      "NOT x",
      'name:"GET /a b"',
    ]);
    expect(texts("a OR b c")).toEqual(["a OR b", "c"]);
    expect(texts("a OR NOT b c")).toEqual(["a OR NOT b", "c"]);
  });
  test("know their keys", () => {
    const keys = partsOf('http.status>=500 -kind:server (level:warn OR body:"x:y") plain');
    expect(keys.map((part) => part.keys)).toEqual([
      ["http.status"],
      ["kind"],
      ["level", "body"],
      [],
    ]);
    expect(keys.map((part) => part.negated)).toEqual([false, true, false, false]);
  });
  test("that are not finished do no harm", () => {
    expect(texts('name:"GET /a')).toEqual(['name:"GET /a']);
    expect(texts("(a OR")).toEqual(["(a OR"]);
    expect(texts("OR a NOT")).toEqual(["a"]);
  });
});

test("what a page cannot use is blanked and offsets stay", () => {
  expect(filterFor("duration>1s service:a level:warn", "logs")).toBe(
    "            service:a level:warn",
  );
  expect(filterFor("duration>1s service:a level:warn", "spans")).toBe("duration>1s service:a");
});

test("parts can be removed and turned round", () => {
  const q = "a:1 AND b:2 c OR d";
  const [a, b, or] = partsOf(q);
  if (!a || !b || !or) throw new Error("three parts");
  expect(without(q, a)).toBe("b:2 c OR d");
  expect(without(q, b)).toBe("a:1 c OR d");
  expect(turned(q, a)).toBe("-a:1 AND b:2 c OR d");
  expect(turned(q, or)).toBe("a:1 AND b:2 -(c OR d)");
  const [not] = partsOf("NOT x:1");
  expect(not && turned("NOT x:1", not)).toBe("x:1");
});

test("characters and units", () => {
  expect(charsBefore("🙂a:b", 3)).toBe(2);
  expect(unitOf("🙂a:b", 2)).toBe(3);
  expect(markedEnd("a foo:bar b", 2)).toBe(9);
  expect(markedEnd("a", 1)).toBe(2);
});
