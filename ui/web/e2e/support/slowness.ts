// How much slower than the reference this machine is now, for limits of time.

import type { Page } from "playwright-core";

/** Ms that the work takes on a quiet machine of the kind that the budgets were set on. */
const REFERENCE_MS = 100;

/** 1 on a machine as fast as the reference or faster, 2 where a fixed piece of work takes twice as long. */
export async function slowness(page: Page): Promise<number> {
  const times = await page.evaluate(() => {
    const work = () => {
      const began = performance.now();
      let value = 1;
      for (let round = 0; round < 20_000_000; round += 1) value = (value * 31 + round) | 0;
      // The result is used, so that the work is not left out.
      return performance.now() - began + (value === 0.5 ? 1 : 0);
    };
    return Array.from({ length: 5 }, work);
  });
  times.sort((a, b) => a - b);
  const middle = times[times.length >> 1] ?? REFERENCE_MS;
  return Math.max(1, middle / REFERENCE_MS);
}
