import { describe, expect, it } from "vitest";
import { levelMix, newsOf, piecesOf, sinceOf, termsOfPattern, trendPath } from "./patterns";

describe("patterns", () => {
  it("fall into words and places that vary", () => {
    expect(piecesOf("payment <*> declined for <*>")).toEqual([
      { text: "payment ", varies: false },
      { text: "<*>", varies: true },
      { text: " declined for ", varies: false },
      { text: "<*>", varies: true },
    ]);
    expect(piecesOf("<*><*>")).toHaveLength(2);
    expect(piecesOf("")).toEqual([]);
  });

  it("have their levels from the worst", () => {
    expect(levelMix({ info: 6, error: 2, debug: 0 })).toEqual([
      { level: "error", count: 2, share: 0.25 },
      { level: "info", count: 6, share: 0.75 },
    ]);
    expect(levelMix({})).toEqual([]);
  });

  it("have a trend in which one record among many is seen", () => {
    expect(trendPath([0, 1, 1000], 30, 18)).toBe("M10 18v-1h9v1zM20 18v-18h9v18z");
    expect(trendPath([0, 0], 30, 18)).toBe("");
    expect(trendPath([], 30, 18)).toBe("");
  });

  it("are new in the last part of the range", () => {
    const range = { from: "1000000000000000000", to: "1000000000000000100" };
    expect(sinceOf(range, "quarter")).toBe("1000000000000000075");
    expect(sinceOf(range, "tenth")).toBe("1000000000000000090");
    expect(sinceOf(range, "off")).toBeNull();
  });

  it("are kept and left out as one term of a filter", () => {
    expect(termsOfPattern("/a.*b/")).toEqual({ keep: "/a.*b/", drop: "-/a.*b/" });
    expect(termsOfPattern('"charge of" settled')).toEqual({
      keep: '("charge of" settled)',
      drop: '-("charge of" settled)',
    });
    expect(termsOfPattern("-x").keep).toBe("(-x)");
  });

  it("are new, gone, or neither", () => {
    expect(newsOf({ new: true, last: "9" }, "5")).toBe("new");
    expect(newsOf({ new: false, last: "4" }, "5")).toBe("gone");
    expect(newsOf({ new: false, last: "5" }, "5")).toBeNull();
    expect(newsOf({ new: null, last: "4" }, null)).toBeNull();
  });
});
