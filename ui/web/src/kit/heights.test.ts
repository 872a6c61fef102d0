import { describe, expect, it } from "vitest";
import { Heights } from "./heights";

/** The same by plain loops. */
function slow(heights: number[], offset: number): number {
  let at = 0;
  for (let i = 0; i < heights.length; i++) {
    at += heights[i] ?? 0;
    if (offset < at) return i;
  }
  return heights.length - 1;
}

describe("Heights", () => {
  it("is arithmetic while all rows are equal", () => {
    const heights = new Heights(24, 100_000);
    expect(heights.total).toBe(2_400_000);
    expect(heights.offset(1_000)).toBe(24_000);
    expect(heights.at(0)).toBe(0);
    expect(heights.at(23.9)).toBe(0);
    expect(heights.at(24)).toBe(1);
    expect(heights.at(1e9)).toBe(99_999);
    expect(new Heights(24).at(0)).toBe(-1);
  });

  it("agrees with plain sums after changes and growth", () => {
    const heights = new Heights(20, 300);
    const plain = new Array<number>(300).fill(20);
    let seed = 7;
    const random = (n: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % n;
    };
    for (let round = 0; round < 400; round++) {
      if (round === 200) {
        heights.grow(3_000);
        while (plain.length < 3_000) plain.push(20);
      }
      const index = random(plain.length);
      const height = 20 + random(200);
      heights.set(index, height);
      plain[index] = height;
    }
    const total = plain.reduce((a, b) => a + b, 0);
    expect(heights.total).toBe(total);
    for (let i = 0; i < 300; i++) {
      const offset = random(total);
      expect(heights.at(offset)).toBe(slow(plain, offset));
      const index = random(plain.length);
      expect(heights.offset(index)).toBe(plain.slice(0, index).reduce((a, b) => a + b, 0));
      expect(heights.height(index)).toBe(plain[index]);
    }
  });

  it("says by how much a height changed, and ignores rows that are not there", () => {
    const heights = new Heights(24, 2);
    expect(heights.set(0, 100)).toBe(76);
    expect(heights.set(0, 100)).toBe(0);
    expect(heights.set(5, 100)).toBe(0);
    expect(heights.total).toBe(124);
  });

  it("moves with rows that come and go in front", () => {
    const heights = new Heights(24);
    heights.rebase(0);
    heights.grow(10);
    heights.set(2, 100);
    // Three rows go: the open one, once third, with them.
    expect(heights.rebase(3)).toBe(-3);
    expect(heights.moved).toBe(-(24 + 24 + 100));
    expect(heights.count).toBe(7);
    expect(heights.total).toBe(7 * 24);
    heights.set(1, 50);
    heights.moved = 0;
    expect(heights.rebase(-2)).toBe(5);
    expect(heights.moved).toBe(5 * 24);
    expect(heights.height(6)).toBe(50);
    expect(heights.offset(7)).toBe(6 * 24 + 50);
    expect(heights.at(6 * 24 + 49)).toBe(6);
    expect(heights.total).toBe(11 * 24 + 50);
  });

  it("forgets all when more rows go than there are", () => {
    const heights = new Heights(24);
    heights.rebase(0);
    heights.grow(2_000);
    heights.set(1_999, 30);
    heights.rebase(5_000);
    heights.grow(100);
    expect(heights.total).toBe(2_400);
  });
});
