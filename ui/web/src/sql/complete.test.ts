import { describe, expect, test } from "vitest";
import { attributeLevel, attributeTable, tablesOf, wantedAt } from "./complete";

describe("wantedAt", () => {
  test("an attribute's key inside the brackets", () => {
    const before = "SELECT attributes['http.r";
    expect(wantedAt(before)).toEqual({
      what: "attribute",
      column: "attributes",
      from: before.length - 6,
    });
    expect(wantedAt("SELECT s.resource_attributes[ '")).toMatchObject({
      column: "resource_attributes",
    });
  });
  test("a table after FROM and JOIN", () => {
    expect(wantedAt("SELECT * FROM sp")).toEqual({ what: "table", from: 14 });
    expect(wantedAt("SELECT * FROM spans JOIN ")).toMatchObject({ what: "table" });
  });
  test("a column after a dot", () => {
    expect(wantedAt("SELECT s.na")).toEqual({ what: "column", qualifier: "s", from: 9 });
  });
  test("anything elsewhere", () => {
    expect(wantedAt("SELECT cou")).toEqual({ what: "any", from: 7 });
    expect(wantedAt("SELECT attributes['a'] = du")).toMatchObject({ what: "any" });
  });
  test("nothing inside strings and comments", () => {
    expect(wantedAt("SELECT 'cou")).toBeNull();
    expect(wantedAt("SELECT 1 -- cou")).toBeNull();
    expect(wantedAt("SELECT 'it''s' AS a, co")).toMatchObject({ what: "any" });
  });
});

test("tablesOf reads names and aliases", () => {
  const sql = "SELECT * FROM spans s JOIN logs AS l ON l.trace_id = s.trace_id WHERE 1=1";
  expect(Object.fromEntries(tablesOf(sql))).toEqual({
    s: "spans",
    spans: "spans",
    l: "logs",
    logs: "logs",
  });
  expect(Object.fromEntries(tablesOf("SELECT * FROM traces WHERE a"))).toEqual({
    traces: "traces",
  });
});

test("attributes of views belong to spans, of traces to none", () => {
  expect(["span_events", "logs", "traces"].map(attributeTable)).toEqual(["spans", "logs", null]);
  expect(attributeLevel("logs", "attributes")).toBe("log");
  expect(attributeLevel("spans", "resource_attributes")).toBe("resource");
});
