import { expect, test } from "vitest";
import type { Rejected } from "../api/types";
import { byReason, withFresh } from "./refusals";

const one = (id: number, part: Partial<Rejected> = {}): Rejected => ({
  id,
  time: String(id),
  signal: "traces",
  transport: "http",
  peer: null,
  status: "400",
  reason: "bad",
  records: null,
  content_type: "",
  encoding: "",
  bytes: 0,
  sample: "",
  sample_kind: "text",
  ...part,
});

test("equal reasons are one line with a count; figures inside do not matter", () => {
  const groups = byReason([
    one(5, { reason: "2 spans rejected", records: 2 }),
    one(4),
    one(3, { reason: "7 spans rejected", records: 7 }),
    one(2, { signal: "logs" }),
  ]);
  expect(groups.map(({ id, count, records, newest }) => [id, count, records, newest.id])).toEqual([
    ["3", 2, 9, 5],
    ["4", 1, null, 4],
    ["2", 1, null, 2],
  ]);
});

test("fresh ones go before, each once", () => {
  expect(withFresh([one(2), one(1)], [one(3), one(2)], 2).map(({ id }) => id)).toEqual([3, 2]);
});
