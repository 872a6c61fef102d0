import { expect, test } from "vitest";
import { toCsv, toJson, toMarkdown } from "./export";

const columns = [
  { name: "a,b", type: "text" },
  { name: "n", type: "int64" },
];
const rows = [
  ['say "hi"\nthere', "9223372036854775807"],
  ["x|y\\", null],
];

test("CSV quotes what needs it", () => {
  expect(toCsv(columns, rows)).toBe('"a,b",n\n"say ""hi""\nthere",9223372036854775807\nx|y\\,\n');
});

test("JSON reads back", () => {
  expect(JSON.parse(toJson(columns, rows))).toEqual([
    { "a,b": 'say "hi"\nthere', n: "9223372036854775807" },
    { "a,b": "x|y\\", n: null },
  ]);
});

test("Markdown escapes bars and keeps a row on its line", () => {
  expect(toMarkdown(columns, rows)).toBe(
    '| a,b | n |\n| --- | ---: |\n| say "hi"<br>there | 9223372036854775807 |\n| x\\|y\\\\ |  |\n',
  );
});
