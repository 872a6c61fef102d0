import { describe, expect, test } from "vitest";
import type { Span } from "../api/types";
import { entriesOf, filterKey, searched } from "./attributes";
import { formOf, jsonLines, laidOut, pieces, sqlLines } from "./values";

describe("formOf", () => {
  test("by type, by key, by look", () => {
    expect(formOf("a", "map", "{}")).toBe("json");
    expect(formOf("a", "int", "5")).toBe("text");
    expect(formOf("db.query.text", "string", "SELECT 1")).toBe("sql");
    expect(formOf("db.query.text", "string", "GET key")).toBe("text");
    expect(formOf("exception.stacktrace", "string", "at x")).toBe("stack");
    expect(formOf("body", "string", ' {"a":1} ')).toBe("json");
    expect(formOf("body", "string", "{not closed")).toBe("text");
  });
});

describe("layout", () => {
  test("JSON keeps its digits and its order", () => {
    expect(jsonLines('{"b":12345678901234567890,"a":[],"c":{"d":[1,"x, {y}"]}}')).toBe(
      '{\n  "b": 12345678901234567890,\n  "a": [],\n  "c": {\n    "d": [\n      1,\n      "x, {y}"\n    ]\n  }\n}',
    );
  });

  test("what does not balance stays as it was", () => {
    for (const broken of ['{"a":1', "}{", '{"a":"open}']) expect(jsonLines(broken)).toBe(broken);
  });

  test("SQL breaks at clauses, not inside quotes", () => {
    expect(
      sqlLines("SELECT a FROM t LEFT JOIN u ON u.id = t.id WHERE x = 'from and where' AND y = 1"),
    ).toBe("SELECT a\nFROM t\nLEFT JOIN u ON u.id = t.id\nWHERE x = 'from and where'\n  AND y = 1");
    expect(sqlLines("SELECT\n1")).toBe("SELECT\n1");
  });

  test("plain text stays", () => {
    expect(laidOut("text", '{"a":1}')).toBe('{"a":1}');
  });

  test("pieces join to the text again", () => {
    const text = `${"line of text\n".repeat(50)}${"x".repeat(300)}😀${"y".repeat(99)}`;
    const parts = pieces(text, 100);
    expect(parts.every((part) => part.length <= 101)).toBe(true);
    expect(parts.join("").replaceAll("\n", "")).toBe(text.replaceAll("\n", ""));
    expect(parts.some((part) => /^[\udc00-\udfff]|[\ud800-\udbff]$/.test(part))).toBe(false);
    expect(pieces("", 10)).toEqual([]);
  });
});

describe("attributes", () => {
  const span = {
    attributes: [{ key: "http.route", type: "string", value: "/pay" }],
    resource_attributes: [{ key: "service.name", type: "string", value: "shop" }],
    scope_attributes: [{ key: "a b", type: "string", value: "Route" }],
  } as unknown as Span;
  const entries = entriesOf(span);

  test("one list, searched by key and value, level by level", () => {
    const keys = (text: string, off: ("span" | "resource" | "scope")[] = []) =>
      searched(entries, text, new Set(off)).map(({ key }) => key);
    expect(keys("")).toEqual(["http.route", "service.name", "a b"]);
    expect(keys("ROUTE")).toEqual(["http.route", "a b"]);
    expect(keys("route /pay")).toEqual(["http.route"]);
    expect(keys("route", ["span"])).toEqual(["a b"]);
  });

  test("filter keys", () => {
    expect(entries.map(filterKey)).toEqual(["span.http.route", "service", null]);
    expect(filterKey({ id: "", level: "span", key: "a", type: "array", value: "[]" })).toBeNull();
  });
});
