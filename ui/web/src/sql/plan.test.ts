import { expect, test } from "vitest";
import { parseDuration, parsePlan } from "./plan";

const text = `SortPreservingMergeExec: [count(*)@1 DESC], fetch=3, metrics=[output_rows=3, elapsed_compute=64.50µs]
  UnionExec, metrics=[output_rows=44.12 K, elapsed_compute=27.86µs]
    DataSourceExec: partitions=2, metrics=[output_rows=30.91 K, files_ranges_pruned_statistics=1 total → 1 matched, elapsed_compute=1.22ms]
`;

test("a plan becomes operators with depth, rows and own time", () => {
  const nodes = parsePlan(text);
  expect(
    nodes.map(({ name, detail, depth, rows, computeNs }) => [name, detail, depth, rows, computeNs]),
  ).toEqual([
    ["SortPreservingMergeExec", "[count(*)@1 DESC], fetch=3", 0, "3", 64_500],
    ["UnionExec", "", 1, "44.12 K", 27_860],
    ["DataSourceExec", "partitions=2", 2, "30.91 K", 1_220_000],
  ]);
  expect(nodes[2]?.metrics[1]).toEqual(["files_ranges_pruned_statistics", "1 total → 1 matched"]);
});

test("a plan without metrics is read too", () => {
  expect(parsePlan("Sort: count(*)\n  TableScan: spans")).toMatchObject([
    { name: "Sort", depth: 0, rows: null, computeNs: null },
    { name: "TableScan", depth: 1 },
  ]);
});

test("durations", () => {
  expect(["170ns", "1.35µs", "2ms", "1.5s", "x"].map(parseDuration)).toEqual([
    170,
    1350,
    2e6,
    1.5e9,
    null,
  ]);
});
