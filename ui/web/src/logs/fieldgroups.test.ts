import { describe, expect, it } from "vitest";
import type { LogField } from "../api/types";
import { fieldGroups, levelOf } from "./fieldgroups";

const field = (key: string, level: LogField["level"]) => ({ key, level }) as LogField;

describe("groups of fields", () => {
  const fields = [
    field("level", "field"),
    field("k8s.pod.name", "resource"),
    field("http.route", "log"),
    field("user.id", "log"),
  ];

  it("follow where fields belong, and keep the server's order", () => {
    const found = fieldGroups(fields, "");
    expect(found.map((group) => group.label)).toEqual(["", "Attributes", "Resource"]);
    expect(found[1]?.fields.map((each) => each.key)).toEqual(["http.route", "user.id"]);
  });

  it("leave out what has another name, and groups without a field", () => {
    expect(fieldGroups(fields, " POD ").map((group) => group.label)).toEqual(["Resource"]);
    expect(fieldGroups(fields, "nothing")).toEqual([]);
  });

  it("know a field's own key, whether or not the filter needs its level", () => {
    expect(levelOf(field("resource.k8s.pod.name", "resource"))).toEqual({
      key: "k8s.pod.name",
      level: "resource",
    });
    expect(levelOf(field("k8s.pod.name", "resource")).key).toBe("k8s.pod.name");
    expect(levelOf(field("service", "field"))).toEqual({ key: "service", level: null });
  });
});
