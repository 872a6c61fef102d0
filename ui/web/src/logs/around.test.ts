import { describe, expect, it } from "vitest";
import type { LogContextAnswer, LogSummary } from "../api/types";
import { joined, sideAfter, sideBefore } from "./around";

const line = (id: string) => ({ id }) as LogSummary;
const answer = (log: string, before: string, after: string, more: [boolean, boolean]) =>
  ({
    log: line(log),
    before: [...before].map(line),
    after: [...after].map(line),
    more_before: more[0],
    more_after: more[1],
  }) as LogContextAnswer;

describe("lines around a record", () => {
  const middle = answer("m", "jkl", "no", [true, true]);

  it("are asked for on both sides, then beyond the outermost", () => {
    expect(sideBefore(middle)).toEqual({ id: "j", before: 200, after: 0 });
    expect(sideAfter(middle)).toEqual({ id: "o", before: 0, after: 200 });
    expect(sideBefore(answer("m", "jkl", "", [false, false]))).toBeNull();
    expect(sideAfter(answer("m", "", "", [true, true]))).toBeNull();
  });

  it("are joined in the order of time, the record marked, no line twice", () => {
    const pages = [
      answer("j", "ghi", "", [false, false]),
      middle,
      answer("o", "", "pq", [false, true]),
    ];
    const found = joined(pages, "m");
    expect(found.lines.map((each) => each.id).join("")).toBe("ghijklmnopq");
    expect(found.lines[found.marked]?.id).toBe("m");
    expect(found).toMatchObject({ earlier: 3, moreBefore: false, moreAfter: true });
  });

  it("can be none", () => {
    expect(joined([], "m")).toEqual({
      lines: [],
      marked: 0,
      earlier: 0,
      moreBefore: false,
      moreAfter: false,
    });
  });
});
