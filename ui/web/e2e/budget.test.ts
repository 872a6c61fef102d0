// The budgets of the trace page with 100,000 spans, and a control that must miss them.
//
// The goal is 1.5 s to open and 100 ms to answer. The limit of opening is twice the goal, since CI has
// two cores for browser and server, and the server is not the release build; medians of five. On a
// machine that is slower, or busy with other work, both grow by what a fixed piece of work takes longer.

import { expect, test } from "vitest";
import { generateTrace, postTrace } from "./generate-trace.mjs";
import { Visit } from "./support/browser.ts";
import { stage } from "./support/shop.ts";
import { slowness } from "./support/slowness.ts";

const SPANS = 100_000;
const OPEN_MS = 3_000;
const INTERACTION_MS = 100;
const RUNS = 5;

const ID = "00112233445566778899aabbccddeeff";
const large = stage(async (server) => {
  const spans = generateTrace({ spans: SPANS, depth: 40, services: 12, seed: 7 });
  const start = BigInt(Date.now() - 60_000) * 1_000_000n;
  await postTrace(server.url, spans, { traceId: ID, start, seed: 7 });
});

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Milliseconds from navigation until rows of the waterfall stand on the page. */
async function open(visit: Visit): Promise<number> {
  const page = await visit.go(`/traces/${ID}`);
  await page.locator('[role="treegrid"] [role="row"][aria-rowindex="2"]').first().waitFor();
  return page.evaluate(() => performance.now());
}

/** Longest interaction (event to next paint) while rows are opened, closed and walked. */
async function interact(visit: Visit, burden = 0): Promise<number> {
  const { page } = visit;
  await page.evaluate((busy) => {
    const times: number[] = [];
    (window as unknown as { times: number[] }).times = times;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) times.push(entry.duration);
    }).observe({
      type: "event",
      buffered: false,
      durationThreshold: 16,
    } as PerformanceObserverInit);
    if (busy > 0) {
      addEventListener("keydown", () => {
        const end = performance.now() + busy;
        while (performance.now() < end);
      });
    }
  }, burden);
  await page.getByRole("treegrid").focus();
  for (const key of ["ArrowDown", "ArrowLeft", "ArrowRight", "ArrowDown", "[", "]", "ArrowDown"]) {
    await page.keyboard.press(key);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  }
  // The browser tells how long events took a moment after them.
  await visit.settle();
  const times = await page.evaluate(() => (window as unknown as { times: number[] }).times);
  return Math.max(0, ...times);
}

test("100,000 spans open and answer within the budget; a slow handler does not", async () => {
  const opened: number[] = [];
  const answered: number[] = [];
  const slow: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const visit = await Visit.open(large.browser, large.server.url);
    try {
      opened.push(await open(visit));
      answered.push(await interact(visit));
      slow.push(await slowness(visit.page));
      expect(visit.unexpected()).toEqual([]);
    } finally {
      await visit.close();
    }
  }
  console.log(`100,000 spans: open ${opened.map(Math.round)} ms, interaction ${answered} ms`);
  const factor = median(slow);
  const limit = INTERACTION_MS * factor;
  const visit = await Visit.open(large.browser, large.server.url);
  await open(visit);
  const burdened = await interact(visit, 2 * limit);
  await visit.close();
  console.log(`slowness ${factor}; a handler that is busy for ${2 * limit} ms: ${burdened} ms`);
  expect(burdened).toBeGreaterThan(limit);
  expect(median(answered)).toBeLessThanOrEqual(limit);
  expect(median(opened)).toBeLessThanOrEqual(OPEN_MS * factor);
});

test("the first load is within 220 kB of compressed script", async () => {
  const visit = await Visit.open(large.browser, large.server.url);
  try {
    let bytes = 0;
    const waiting: Promise<void>[] = [];
    visit.page.on("response", (response) => {
      if (!response.url().endsWith(".js")) return;
      const size = async () => {
        const length = response.headers()["content-length"];
        bytes += Number(length ?? (await response.body()).length);
      };
      waiting.push(size());
    });
    await visit.go("/?from=now-1h&to=now");
    await visit.settle();
    await Promise.all(waiting);
    console.log(`first load: ${(bytes / 1024).toFixed(1)} kB of script as sent`);
    expect(bytes).toBeGreaterThan(50 * 1024);
    expect(bytes).toBeLessThanOrEqual(220 * 1024);
  } finally {
    await visit.close();
  }
});
