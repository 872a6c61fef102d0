import { describe, expect, it } from "vitest";
import { readJson, summaryOf } from "./jsontree";

describe("readJson", () => {
  it("keeps order, digits and escapes", () => {
    expect(readJson('{"b":9007199254740993,"a":[1.50,true,null,"x\\n\\u00e9"]}')).toEqual({
      kind: "object",
      fields: [
        ["b", { kind: "number", text: "9007199254740993" }],
        [
          "a",
          {
            kind: "array",
            items: [
              { kind: "number", text: "1.50" },
              { kind: "boolean", text: "true" },
              { kind: "null", text: "null" },
              { kind: "string", text: "x\né" },
            ],
          },
        ],
      ],
    });
  });

  it("keeps keys that would be special to JavaScript, and both of a pair", () => {
    const node = readJson('{"__proto__":1,"a":1,"a":2}');
    expect(node?.kind === "object" && node.fields.map(([key]) => key)).toEqual([
      "__proto__",
      "a",
      "a",
    ]);
  });

  it("reads Oriel's wrappers as values", () => {
    expect(readJson('[{"$int":"-9223372036854775808"},{"$bytes":"AAE="}]')).toEqual({
      kind: "array",
      items: [
        { kind: "number", text: "-9223372036854775808" },
        { kind: "bytes", text: "AAE=" },
      ],
    });
  });

  it("is null for plain text and broken JSON", () => {
    for (const text of [
      "text",
      "12",
      '"a"',
      "{",
      "[1,]",
      '{"a"}',
      "[1] x",
      "{,}",
      "[,1]",
      "[1 2]",
    ]) {
      expect([text, readJson(text)]).toEqual([text, null]);
    }
    expect(readJson("[".repeat(100_000))).toBeNull();
    expect(readJson(" [ ] ")).toEqual({ kind: "array", items: [] });
  });

  it("says how much is inside", () => {
    expect(summaryOf(readJson('{"a":1}') ?? { kind: "null", text: "" })).toBe("{1}");
    expect(summaryOf(readJson("[1,2]") ?? { kind: "null", text: "" })).toBe("[2]");
  });
});
