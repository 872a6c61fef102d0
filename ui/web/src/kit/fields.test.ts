import { describe, expect, it } from "vitest";
import type { AttributeKey } from "../api/types";
import { groupFields } from "./fields";

const builtin = [
  { name: "service", key: "service", label: "service", count: null },
  { name: "name", key: "name", label: "operation", count: null },
];
const keys: AttributeKey[] = [
  { key: "http.route", level: "span", types: ["string"], count: 5 },
  { key: "region", level: "span", types: ["string"], count: 9 },
  { key: "region", level: "resource", types: ["string"], count: 20 },
  { key: "name", level: "scope", types: ["string"], count: 1 },
];

describe("groupFields", () => {
  it("groups by level with the most frequent first", () => {
    const groups = groupFields(builtin, keys, "");
    expect(groups.map((group) => [group.label, group.fields.map((field) => field.label)])).toEqual([
      ["", ["service", "operation"]],
      ["Span attributes", ["region", "http.route"]],
      ["Resource", ["region"]],
      ["Scope", ["name"]],
    ]);
  });

  it("names a field so that the filter finds that one", () => {
    const names = groupFields(builtin, keys, "").flatMap((group) =>
      group.fields.map((field) => field.name),
    );
    expect(names).toEqual([
      "service",
      "name",
      "span.region",
      "http.route",
      "resource.region",
      "scope.name",
    ]);
  });

  it("finds by part of the key", () => {
    expect(groupFields(builtin, keys, "ROUTE").map((group) => group.label)).toEqual([
      "Span attributes",
    ]);
    expect(groupFields(builtin, keys, "nothing")).toEqual([]);
  });
});
