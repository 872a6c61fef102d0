import { describe, expect, test } from "vitest";
import { splitStatements } from "./sqltext";

describe("splitStatements", () => {
  test("splits at semicolons that are neither quoted nor commented", () => {
    const sql = "SELECT ';' AS a;\n-- not; here\nSELECT \"b;\" FROM t /* nor; /* here; */ */;";
    expect(splitStatements(sql).map((s) => s.text)).toEqual([
      "SELECT ';' AS a",
      '-- not; here\nSELECT "b;" FROM t /* nor; /* here; */ */',
    ]);
  });
  test("a doubled quote stays inside the string", () => {
    expect(splitStatements("SELECT 'it''s; fine'; SELECT 2").map((s) => s.text)).toEqual([
      "SELECT 'it''s; fine'",
      "SELECT 2",
    ]);
  });
  test("offsets point at the text itself", () => {
    const sql = " SELECT 1 ;  SELECT 2 ";
    for (const s of splitStatements(sql)) expect(sql.slice(s.from, s.to)).toBe(s.text);
  });
  test("only comments and space are no statement", () => {
    expect(splitStatements("-- hello\n/* x */ ; ;")).toEqual([]);
  });
  test("an unclosed string runs to the end", () => {
    expect(splitStatements("SELECT 'a; SELECT 2").map((s) => s.text)).toEqual([
      "SELECT 'a; SELECT 2",
    ]);
  });
});
