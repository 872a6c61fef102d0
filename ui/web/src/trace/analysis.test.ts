import { describe, expect, test } from "vitest";
import { criticalPath, mainRoot, segmentsOf } from "./critical";
import { inTreeOrder, matchNames, nextInOrder } from "./find";
import { randomSpans, type SpanFixture, skeletonOf } from "./fixtures";
import { paintOverview } from "./overview";
import { referenceOf, rowOfReference } from "./skeleton";
import { detectSkew } from "./skew";
import { quantile, statistics } from "./statistics";
import { summarize } from "./summary";
import { buildForest } from "./tree";

function pathOf(spans: SpanFixture[], foldFrom = 0) {
  const skeleton = skeletonOf(spans);
  const forest = buildForest(skeleton, { foldFrom });
  const path = criticalPath(forest, skeleton, mainRoot(forest, skeleton));
  return {
    path,
    forest,
    segments: [...path.node].map((node, i) => [node, path.from[i], path.to[i]]),
  };
}

describe("criticalPath", () => {
  test("the child that ended last, then the one before it, and own time between", () => {
    const { segments } = pathOf([
      { start: 0, duration: 100 },
      { parent: 0, start: 10, duration: 30 },
      { parent: 0, start: 15, duration: 20 },
      { parent: 0, start: 50, duration: 40 },
    ]);
    expect(segments).toEqual([
      [0, 0, 10],
      [0, 40, 50],
      [0, 90, 100],
      [1, 10, 40],
      [3, 50, 90],
    ]);
  });

  test("a child that outlives its parent counts up to the parent end; one that begins later not at all", () => {
    const { segments } = pathOf([
      { start: 0, duration: 100 },
      { parent: 0, start: 60, duration: 90 },
      { parent: 0, start: 100, duration: 50 },
    ]);
    expect(segments).toEqual([
      [0, 0, 60],
      [1, 60, 100],
    ]);
  });

  test("work handed over is not waited for", () => {
    const { segments } = pathOf([
      { start: 0, duration: 100 },
      { parent: 0, start: 10, duration: 80, kind: 5 },
      { parent: 0, start: 20, duration: 10, kind: 4 },
      { parent: 2, start: 22, duration: 5 },
    ]);
    expect(segments.map(([node]) => node)).toEqual([0, 0, 2]);
  });

  test("folds carry the segments of their spans", () => {
    const spans = [0, 1, 2].map((i) => ({
      parent: 0,
      name: "x",
      start: 10 + i * 10,
      duration: 10,
    }));
    const { path, forest } = pathOf([{ start: 0, duration: 50 }, ...spans], 3);
    const fold = forest.spans;
    const [from, to] = segmentsOf(path, fold);
    expect(to - from).toBe(3);
    expect(path.onPath[fold]).toBe(1);
  });

  test.each(Array.from({ length: 100 }, (_, seed) => seed))(
    "random trace %i: the path fills its root, without overlap",
    (seed) => {
      const { path, forest } = pathOf(randomSpans(seed, 60), seed % 2 === 0 ? 3 : 0);
      const own = [...path.node]
        .map((node, i) => ({ node, from: path.from[i]!, to: path.to[i]! }))
        .filter(({ node }) => node < forest.spans);
      own.sort((a, b) => a.from - b.from);
      expect(own.reduce((sum, { from, to }) => sum + to - from, 0)).toBeCloseTo(path.total);
      for (let i = 1; i < own.length; i++)
        expect(own[i]!.from).toBeGreaterThanOrEqual(own[i - 1]!.to);
    },
  );
});

describe("detectSkew", () => {
  const client: SpanFixture = { service: "a", start: 1000, duration: 100, kind: 3 };
  const skewOf = (child: SpanFixture, parent = client) => {
    const skeleton = skeletonOf([
      parent,
      { parent: 0, service: "b", kind: 2, ...child },
      { parent: 1, service: "b", start: 5, duration: 1 },
    ]);
    return detectSkew(buildForest(skeleton, { foldFrom: 0 }), skeleton);
  };

  test("a child before its parent is centred, and its own children move along", () => {
    const skew = skewOf({ start: 0, duration: 50 });
    expect([...skew.start]).toEqual([1000, 1025, 1030]);
    expect(skew.notes).toEqual([{ service: 1, spans: 1, offset: 1025 }]);
  });

  test("a served call after its client is skewed, work handed over is not", () => {
    expect(skewOf({ start: 2000, duration: 50 }).notes).toHaveLength(1);
    expect(skewOf({ start: 2000, duration: 50, kind: 5 }).notes).toHaveLength(0);
    expect(skewOf({ start: 2000, duration: 50 }, { ...client, kind: 4 }).notes).toHaveLength(0);
  });

  test("overlap and small overhang stay as they are", () => {
    expect(skewOf({ start: 960, duration: 100 }).notes).toHaveLength(0);
  });
});

describe("statistics", () => {
  test("one line per service and operation", () => {
    const skeleton = skeletonOf([
      { name: "root", duration: 100 },
      { parent: 0, name: "q", duration: 10, status: 2 },
      { parent: 0, name: "q", duration: 30 },
      { parent: 0, name: "q", duration: Number.NaN },
    ]);
    const result = statistics(buildForest(skeleton, { foldFrom: 2 }), skeleton, -1);
    expect([...result.count]).toEqual([1, 3]);
    expect([...result.total]).toEqual([100, 40]);
    expect([...result.errors]).toEqual([0, 1]);
    expect([...result.p95]).toEqual([100, 30]);
    expect([...result.slowest]).toEqual([0, 2]);
  });

  test("quantiles are values that occurred", () => {
    const values = Float64Array.from([1, 2, 3, 4]);
    expect([
      quantile(values, 0),
      quantile(values, 0.5),
      quantile(values, 0.95),
      quantile(new Float64Array(0), 0.5),
    ]).toEqual([1, 2, 4, 0]);
  });
});

describe("summarize", () => {
  test("a fold sums its own spans, not those below", () => {
    const spans = [0, 1].flatMap((i) => [
      { parent: 0, name: "x", start: 10 + i, duration: 5 + i, status: i === 1 ? 2 : 0 },
    ]);
    const skeleton = skeletonOf([{}, ...spans, { parent: 1, start: 10, duration: 99 }]);
    const forest = buildForest(skeleton, { foldFrom: 2 });
    const summary = summarize(forest, skeleton, skeleton.start);
    expect([
      summary.count[0],
      summary.errors[0],
      summary.sum[0],
      summary.max[0],
      summary.start[0],
      summary.end[0],
    ]).toEqual([2, 1, 11, 6, 10, 17]);
  });
});

describe("search", () => {
  const skeleton = skeletonOf([
    { name: "GET /pay" },
    { parent: 0, service: "Payment", name: "charge" },
    { parent: 0, name: "payment_db" },
  ]);
  const forest = buildForest(skeleton, { foldFrom: 0 });

  test("by service, by name, across both, by span id", () => {
    expect([...matchNames(skeleton, "payment")]).toEqual([0, 1, 1]);
    expect([...matchNames(skeleton, "payment charge")]).toEqual([0, 1, 0]);
    expect([...matchNames(skeleton, "0000000000000001")]).toEqual([1, 0, 0]);
    expect([...matchNames(skeleton, "  ")]).toEqual([0, 0, 0]);
  });

  test("next and previous go round and leave out what is hidden", () => {
    const ordered = inTreeOrder(forest, Uint8Array.from([1, 0, 1]));
    const all = () => true;
    expect(nextInOrder(forest, ordered, -1, 1, all)).toBe(0);
    expect(nextInOrder(forest, ordered, 0, 1, all)).toBe(2);
    expect(nextInOrder(forest, ordered, 2, 1, all)).toBe(0);
    expect(nextInOrder(forest, ordered, 1, -1, all)).toBe(0);
    expect(nextInOrder(forest, ordered, 0, -1, all)).toBe(2);
    expect(nextInOrder(forest, ordered, -1, -1, all)).toBe(2);
    expect(nextInOrder(forest, ordered, 0, 1, (node) => node === 0)).toBe(0);
    expect(nextInOrder(forest, ordered, 0, 1, () => false)).toBe(-1);
  });

  test("references name the repetition of an id", () => {
    const twice = { ...skeleton, spanIds: new Uint8Array(24).fill(7) };
    expect([0, 1, 2].map((row) => referenceOf(twice, row))).toEqual([
      "0707070707070707",
      "0707070707070707~1",
      "0707070707070707~2",
    ]);
    expect(rowOfReference(twice, "0707070707070707~2")).toBe(2);
    expect(rowOfReference(twice, "nonsense")).toBe(-1);
  });
});

describe("paintOverview", () => {
  test("a lane per span, errors at the foot, nothing outside", () => {
    const skeleton = skeletonOf([
      { start: 0, duration: 8 },
      { parent: 0, start: 4, duration: 2, status: 2 },
    ]);
    const forest = buildForest(skeleton, { foldFrom: 0 });
    const input = {
      forest,
      skeleton,
      start: skeleton.start,
      root: -1,
      hidden: null,
      from: 0,
      to: 8,
    };
    const style = {
      width: 8,
      height: 3,
      colours: Uint32Array.from([5]),
      error: 9,
      errorStrip: 1,
      laneMax: 4,
    };
    const pixels = new Uint32Array(paintOverview(input, style).buffer);
    expect([...pixels.subarray(0, 8)]).toEqual(Array(8).fill(5));
    expect([...pixels.subarray(8, 16)]).toEqual([0, 0, 0, 0, 5, 5, 0, 0]);
    expect([...pixels.subarray(16, 24)]).toEqual([0, 0, 0, 0, 9, 9, 0, 0]);
  });
});
