import { describe, expect, test } from "vitest";
import { explained, statementAt, utf16Index, wordEnd } from "./statements";

describe("statementAt", () => {
  const sql = "SELECT 1;\n\nSELECT 2;\n";
  test("takes the statement around the cursor", () => {
    expect(statementAt(sql, 3)?.text).toBe("SELECT 1");
    expect(statementAt(sql, 14)?.text).toBe("SELECT 2");
  });
  test("between statements takes the one before", () => {
    expect(statementAt(sql, 10)?.text).toBe("SELECT 1");
    expect(statementAt(sql, sql.length)?.text).toBe("SELECT 2");
  });
  test("empty text has none", () => expect(statementAt("  ", 1)).toBeNull());
});

test("utf16Index counts code points", () => {
  expect(utf16Index("'é😀' x", 5)).toBe(6);
  expect(utf16Index("abc", 9)).toBe(3);
});

test("wordEnd covers a name, a quoted name, or one character", () => {
  expect(wordEnd("SELECT foo.bar FROM t", 7)).toBe(14);
  expect(wordEnd('SELECT "a b" FROM t', 7)).toBe(12);
  expect(wordEnd("SELECT )", 7)).toBe(8);
});

test("explained leaves an EXPLAIN alone", () => {
  expect(explained("SELECT 1")).toBe("EXPLAIN ANALYZE SELECT 1");
  expect(explained(" explain SELECT 1")).toBe(" explain SELECT 1");
});
