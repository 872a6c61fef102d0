// How much slower than the reference this machine is now, for limits of time.

import type { Page } from "playwright-core";

/** The work takes 22 ms on the machine that the budgets were set on (Node 20, 2026-11): limits grow on a
 * machine that is, or is made by others, more than four times as slow. */
const REFERENCE_MS = 100;
/** Beyond this a machine says nothing about budgets, and the limits stay. */
const SLOWEST = 5;

/** 1 where the work takes the reference's time or less, 2 where it takes twice as long, and so on. */
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
  return Math.min(SLOWEST, Math.max(1, middle / REFERENCE_MS));
}
