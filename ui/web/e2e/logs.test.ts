// A long list of logs: all of it can be reached, few of its rows are in the document, scrolling does not
// stop; a control that must stop shows that this is measured.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Visit } from "./support/browser.ts";
import type { Server } from "./support/server.ts";
import { count, stage } from "./support/shop.ts";
import { slowness } from "./support/slowness.ts";

const RECORDS = 100_000;
const A_REQUEST = 10_000;
/** The goal is 25 ms for nearly all frames; the limit of the middle one is twice that. */
const FRAME_MS = 50;
const FRAMES = 90;
const HEAP_BYTES = 400e6;
const ELEMENTS = 3_000;

const START = (BigInt(Date.now()) - 3_600_000n) * 1_000_000n;
const RANGE = `from=${START}&to=${START + 3_600_000_000_000n}`;
const long = stage(send);

async function send(server: Server): Promise<void> {
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "press" } }] };
  for (let first = 0; first < RECORDS; first += A_REQUEST) {
    const logRecords = Array.from({ length: A_REQUEST }, (_, index) => ({
      timeUnixNano: String(START + BigInt(first + index) * 10_000_000n),
      severityNumber: (first + index) % 50 === 0 ? 17 : 9,
      body: { stringValue: `line ${first + index}: ${"a word and more ".repeat(index % 9)}` },
      attributes: [{ key: "line", value: { intValue: String(first + index) } }],
    }));
    await server.export("logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
  }
}

/** Milliseconds of the middle frame while the list is scrolled upwards, half a screen a frame. */
function scroll(page: Page, burden: number): Promise<number> {
  return page.evaluate(
    async ({ frames, busy }) => {
      const scroller = document.querySelector("[role='table'][aria-label='Log records']")
        ?.parentElement as HTMLElement;
      const hold = () => {
        const end = performance.now() + busy;
        while (performance.now() < end);
      };
      if (busy > 0) scroller.addEventListener("scroll", hold);
      const times: number[] = [];
      let before = performance.now();
      for (let frame = 0; frame < frames; frame += 1) {
        scroller.scrollTop -= scroller.clientHeight / 2;
        await new Promise((done) => requestAnimationFrame(done));
        const now = performance.now();
        times.push(now - before);
        before = now;
      }
      scroller.removeEventListener("scroll", hold);
      times.sort((a, b) => a - b);
      return times[frames >> 1] ?? 0;
    },
    { frames: FRAMES, busy: burden },
  );
}

test("100,000 records are read to the end; the middle frame of scrolling keeps its limit", async () => {
  const visit = await Visit.open(long.browser, long.server.url);
  try {
    const page = await visit.go(`/logs?${RANGE}&order=oldest`);
    await page
      .getByText(new RegExp(`^${count(RECORDS)} records`))
      .first()
      .waitFor();
    const end = page.getByText(new RegExp(`^End: ${count(RECORDS)} records`));
    const toEnd = async () => {
      await page.evaluate(() => {
        const table = document.querySelector("[role='table'][aria-label='Log records']");
        table?.parentElement?.scrollTo({ top: Number.MAX_SAFE_INTEGER });
      });
      return end.count();
    };
    await expect.poll(toEnd, { timeout: 300_000, interval: 20 }).toBe(1);
    await toEnd();
    await page
      .getByText(`line ${RECORDS - 1}:`)
      .first()
      .waitFor();
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    expect(elements).toBeLessThan(ELEMENTS);
    const factor = await slowness(page);
    const limit = FRAME_MS * factor;
    const frame = await scroll(page, 0);
    const burdened = await scroll(page, 2 * limit);
    const heap = await page.evaluate(
      () =>
        (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory
          ?.usedJSHeapSize ?? 0,
    );
    console.log(
      `frame ${frame.toFixed(1)} ms, held up ${burdened.toFixed(1)} ms, slowness ${factor.toFixed(1)}, ` +
        `heap ${(heap / 1e6).toFixed(0)} MB, ${elements} elements`,
    );
    expect(burdened).toBeGreaterThan(limit);
    expect(frame).toBeLessThanOrEqual(limit);
    expect(heap).toBeGreaterThan(1e6);
    expect(heap).toBeLessThan(HEAP_BYTES);
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
}, 500_000);
