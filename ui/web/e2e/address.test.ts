// The address is the state: a copied address opens the same view in a fresh browser; Back and Forward
// walk through what was done.

import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Visit } from "./support/browser.ts";
import { count, stage } from "./support/shop.ts";
import { SHOP_RANGE, tree, truth } from "./support/truth.ts";

const shop = stage((server) => server.sendShop());
const failed = tree("error, most services");

const first = (page: Page, text: string | RegExp) => page.getByText(text).first();

/** What a reader sees, without what differs between two visits. */
async function picture(visit: Visit): Promise<string> {
  await visit.settle();
  return visit.page.evaluate(() => {
    const copy = document.getElementById("root")?.cloneNode(true) as HTMLElement;
    // Receipts say what an answer cost this time.
    for (const receipt of copy.querySelectorAll("[data-receipt]")) receipt.remove();
    return copy.textContent?.replace(/\s+/g, " ") ?? "";
  });
}

const VIEWS: [string, string, (page: Page) => Promise<void>][] = [
  [
    "errors of a service, as spans",
    `/traces?${SHOP_RANGE}&lens=spans&q=${encodeURIComponent("service:orders status:error")}`,
    async (page) => {
      const errors = truth.traces.error_spans_by_service.orders ?? 0;
      await first(page, new RegExp(`^${count(errors)} spans`)).waitFor();
    },
  ],
  [
    "slow traces, longest first",
    `/traces?${SHOP_RANGE}&sort=longest&q=${encodeURIComponent("trace.duration>1s")}`,
    async (page) => {
      await first(page, new RegExp(`^${count(truth.traces.traces_over_1s)} traces`)).waitFor();
    },
  ],
  [
    "an open span in a zoomed trace",
    `/traces/${failed.trace_id}?${SHOP_RANGE}&span=${failed.tree[2]?.span_id}&zoom=1000000-200000000`,
    async (page) => {
      await page.getByRole("tab", { name: /Attributes/ }).waitFor();
    },
  ],
  [
    "the table of a trace",
    `/traces/${failed.trace_id}?${SHOP_RANGE}&view=table`,
    async (page) => {
      await page.getByRole("table").first().waitFor();
    },
  ],
  [
    "warnings and worse with a word, oldest first",
    `/logs?${SHOP_RANGE}&order=oldest&q=${encodeURIComponent("level:>=warn breaker")}`,
    async (page) => {
      await page.getByRole("row").nth(2).waitFor();
    },
  ],
  [
    "a metric by a label",
    `/metrics?${SHOP_RANGE}&metric=db.client.connections.usage&group=state`,
    async (page) => {
      await first(page, "idle").waitFor();
    },
  ],
];

test.each(VIEWS)("a fresh browser shows the same: %s", async (_name, path, ready) => {
  const shown: string[] = [];
  let place = path;
  for (let visits = 0; visits < 2; visits += 1) {
    const visit = await Visit.open(shop.browser, shop.server.url);
    try {
      const page = await visit.go(place);
      await ready(page);
      shown.push(await picture(visit));
      // The second visit opens what the address bar of the first said.
      place = visit.place();
      expect(visit.unexpected()).toEqual([]);
    } finally {
      await visit.close();
    }
  }
  expect(shown[1]).toBe(shown[0]);
  expect(shown[0]?.length).toBeGreaterThan(200);
});

test("Back after opening a trace brings the list back where it was; Forward the trace", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const page = await visit.go(`/traces?${SHOP_RANGE}&q=service%3Aorders`);
    const list = page.getByRole("table").last();
    await page.getByRole("row").nth(5).waitFor();
    await list.hover();
    await page.mouse.wheel(0, 900);
    await expect.poll(() => scrolled(page)).toBeGreaterThan(500);
    await visit.settle();
    const top = await scrolled(page);
    const place = visit.place();
    const links = page.locator("a[href*='/traces/']:visible");
    await links.nth(12).click();
    await page.getByRole("treegrid").waitFor();
    await expect.poll(() => visit.place()).not.toBe(place);
    const trace = visit.place();
    await page.goBack();
    await page.getByRole("row").nth(5).waitFor();
    await expect.poll(() => visit.place()).toBe(place);
    await expect.poll(() => scrolled(page)).toBe(top);
    await page.goForward();
    await page.getByRole("treegrid").waitFor();
    await expect.poll(() => visit.place()).toBe(trace);
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

/** How far the list is scrolled. */
function scrolled(page: Page): Promise<number> {
  return page.evaluate(() =>
    Math.max(...[...document.querySelectorAll("*")].map((element) => element.scrollTop)),
  );
}

test("a filter survives the way to another page and is struck through where it means nothing", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const page = await visit.go(
      `/traces?${SHOP_RANGE}&q=${encodeURIComponent("service:orders status:error")}`,
    );
    await page.getByRole("row").nth(3).waitFor();
    await page.getByRole("link", { name: "Logs", exact: true }).click();
    await page.waitForURL(/\/logs/);
    expect(decodeURIComponent(visit.place())).toContain("service:orders+status:error");
    expect(visit.place()).toContain(SHOP_RANGE.split("&")[0]);
    const orders = truth.logs.by_service.orders ?? 0;
    await first(page, new RegExp(`^${count(orders)} records`)).waitFor();
  } finally {
    await visit.close();
  }
});
