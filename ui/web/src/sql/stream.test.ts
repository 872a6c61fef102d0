import { describe, expect, test } from "vitest";
import { AnswerReader, type Value } from "./stream";

function readInPieces(text: string, size: number) {
  const reader = new AnswerReader();
  const rows: Value[][] = [];
  let columns: unknown = null;
  for (let at = 0; at < text.length; at += size) {
    const parsed = reader.push(text.slice(at, at + size));
    columns = parsed.columns ?? columns;
    rows.push(...parsed.rows);
  }
  return { columns, rows, ...reader.end() };
}

const hostile = [
  ["]],[[", 'quote " and \\" and \\\\', '],"rows":[', "\u202e\u0000\n"],
  [{ a: ["]"] }, [], "\\", null],
  ["9223372036854775807", "NaN", "-Infinity", 1e300],
];
const columns = [
  { name: '],"rows":[', type: "text" },
  { name: "b", type: "json" },
  { name: "c", type: "float64" },
  { name: "d", type: "text" },
];
const receipt = { rows_returned: 3, complete: true };
const answer = JSON.stringify({ columns, rows: hostile, receipt });

describe("AnswerReader", () => {
  test.each([1, 2, 3, 7, 64, 10_000])("reads the same in pieces of %d", (size) => {
    expect(readInPieces(answer, size)).toEqual({ columns, rows: hostile, receipt, error: null });
  });
  test("an answer without rows has columns and a receipt", () => {
    const empty = JSON.stringify({ columns, rows: [], receipt });
    expect(readInPieces(empty, 5)).toEqual({ columns, rows: [], receipt, error: null });
  });
  test("an error after the first rows is told", () => {
    const failed = JSON.stringify({
      columns,
      rows: hostile,
      error: { code: "timeout", message: "m" },
    });
    expect(readInPieces(failed, 11)).toMatchObject({
      rows: hostile,
      error: { code: "timeout" },
      receipt: null,
    });
  });
  test("an answer that breaks off keeps its whole rows and has neither receipt nor error", () => {
    const cut = answer.slice(0, answer.indexOf("Infinity"));
    expect(readInPieces(cut, 9)).toMatchObject({
      rows: hostile.slice(0, 2),
      receipt: null,
      error: null,
    });
  });
  test("rows come out as soon as they are whole", () => {
    const reader = new AnswerReader();
    expect(reader.push('{"columns":[{"name":"a","type":"int64"}],"rows":[[1],[2').rows).toEqual([
      [1],
    ]);
    expect(reader.push("],[3]").rows).toEqual([[2], [3]]);
  });
});
