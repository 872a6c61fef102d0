import { describe, expect, test } from "vitest";
import { encodeSkeleton, randomSpans, skeletonOf } from "./fixtures";
import { decodeSkeleton, endOf, spanIdOf, traceEnd } from "./skeleton";

describe("decodeSkeleton", () => {
  test("typed arrays, words and metadata come back as they were", () => {
    const skeleton = skeletonOf(randomSpans(7, 40));
    const back = decodeSkeleton(encodeSkeleton(skeleton));
    expect({ ...back, services: [], names: [] }).toEqual({
      ...skeleton,
      service: back.service,
      name: back.name,
      services: [],
      names: [],
    });
    for (let row = 0; row < skeleton.count; row++) {
      expect(back.services[back.service[row]!]).toBe(skeleton.services[skeleton.service[row]!]);
      expect(back.names[back.name[row]!]).toBe(skeleton.names[skeleton.name[row]!]);
    }
  });

  test("a missing column is named", () => {
    expect(() => decodeSkeleton(new Uint8Array([255, 255, 255, 255, 0, 0, 0, 0]))).toThrow(
      /span_id|service/,
    );
  });
});

test("span ids read as hex", () => {
  expect(spanIdOf(skeletonOf([{}, {}]), 1)).toBe("0000000000000002");
});

test("a span without end ends where it starts", () => {
  const start = Float64Array.from([5, 1]);
  const duration = Float64Array.from([Number.NaN, 3]);
  expect(endOf(start, duration, 0)).toBe(5);
  expect(traceEnd(start, duration)).toBe(5);
});
