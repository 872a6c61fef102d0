// The live tail with a real sender: what comes is shown, the view is held while somebody reads, the
// rate is limited and that is said, and what is kept is bounded.

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Theme, Visit } from "./support/browser.ts";
import { picture } from "./support/pictures.ts";
import { stage } from "./support/shop.ts";

const tail = stage(() => undefined);

const LINES = [
  [9, "checkout", "order 7f3a completed for user025"],
  [9, "payment", "charge of 68.75 SEK settled"],
  [13, "catalog", "slow catalogue query detected: 412 ms"],
  [5, "storefront", "recalculated basket total 68.75"],
  [17, "payment", "card declined: insufficient funds"],
] as const;

/** Sends `count` records of now; their bodies begin with `word` where it is given. */
async function send(count: number, word = ""): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  await tail.server.export("logs", {
    resourceLogs: LINES.map(([severityNumber, service, body], which) => ({
      resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
      scopeLogs: [
        {
          logRecords: Array.from({ length: count }, (_, index) => index)
            .filter((index) => index % LINES.length === which)
            .map((index) => ({
              timeUnixNano: String(now + BigInt(index) * 1_234_567n),
              severityNumber,
              body: { stringValue: `${word === "" ? "" : `${word} ${index} `}${body}` },
            })),
        },
      ],
    })),
  });
}

async function visiting(
  path: string,
  act: (page: Page, visit: Visit) => Promise<void>,
  theme: Theme = "light",
) {
  const visit = await Visit.open(tail.browser, tail.server.url, { theme });
  try {
    const page = await visit.go(path);
    await page.getByText("Following", { exact: true }).waitFor();
    await act(page, visit);
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
}

const list = (page: Page) => page.getByRole("table", { name: "Live records" });
const rows = async (page: Page) => Number(await list(page).getAttribute("aria-rowcount")) - 1;
const scrolled = (page: Page) =>
  list(page).evaluate((table) => {
    const { scrollTop, clientHeight, scrollHeight } = table.parentElement as HTMLElement;
    return { top: scrollTop, left: scrollHeight - clientHeight - scrollTop };
  });
const matched = (page: Page, count: number) =>
  page.getByText(new RegExp(`^${count} matches`)).waitFor();

test("records appear as they are sent, and the list follows its end", async () => {
  await visiting("/logs?view=tail", async (page) => {
    await page.getByText("Waiting for records").waitFor();
    await send(10, "first");
    await list(page).getByText("first 3 ").waitFor();
    await send(150, "second");
    await list(page).getByText("second 149 ").waitFor();
    await expect.poll(() => rows(page)).toBe(160);
    await expect.poll(async () => (await scrolled(page)).left).toBeLessThan(2);
  });
});

test("a reader who scrolls up keeps the view, is told what is new, and can go back to the end", async () => {
  await visiting("/logs?view=tail", async (page) => {
    await send(150, "first");
    await expect.poll(() => rows(page)).toBe(150);
    await list(page).hover();
    await page.mouse.wheel(0, -1200);
    await expect.poll(async () => (await scrolled(page)).left).toBeGreaterThan(500);
    await expect.poll(() => page.getByRole("button", { name: /new$/ }).count()).toBe(1);
    const { top } = await scrolled(page);
    await send(40, "second");
    await matched(page, 190);
    await expect.poll(() => rows(page)).toBe(190);
    expect((await scrolled(page)).top).toBe(top);
    await page.keyboard.press("f");
    await list(page).getByText("second 39 ").waitFor();
    await expect.poll(() => page.getByRole("button", { name: /new$/ }).count()).toBe(0);
    await send(5, "third");
    await list(page).getByText("third 4 ").waitFor();
  });
});

test("paused, records wait and are counted; resumed, they are shown", async () => {
  await visiting("/logs?view=tail", async (page) => {
    await send(10, "first");
    await expect.poll(() => rows(page)).toBe(10);
    await page.keyboard.press(".");
    await page.getByText("Paused", { exact: true }).first().waitFor();
    await send(20, "second");
    await matched(page, 30);
    expect(await rows(page)).toBe(10);
    await page.getByRole("button", { name: "Resume (20)" }).click();
    await expect.poll(() => rows(page)).toBe(30);
  });
});

test("only what matches the filter comes; more than the rate is dropped, and that is said", async () => {
  const q = encodeURIComponent("service:payment declined");
  await visiting(`/logs?view=tail&rate=50&q=${q}`, async (page) => {
    await send(2_000);
    await matched(page, 400);
    await page.getByText(/\d+ not shown: more than 50 a second/).waitFor();
    const shown = await rows(page);
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(400);
    await expect.poll(() => list(page).getByText("card declined").count()).toBeGreaterThan(0);
    expect(await list(page).getByText("completed").count()).toBe(0);
  });
});

test("a filter that is not understood is refused, and said where it is written", async () => {
  const visit = await Visit.open(tail.browser, tail.server.url);
  visit.allowed.push(/^console: Failed to load resource: .* status of 400/);
  try {
    const page = await visit.go(`/logs?view=tail&q=${encodeURIComponent("a (")}`);
    await page.getByText("Not followed").waitFor();
    await page.locator("[role='alert']:visible").first().waitFor();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

describe("the live tail is accessible", () => {
  test.each(["light", "dark"] as Theme[])("%s", async (theme) => {
    await visiting(
      "/logs?view=tail",
      async (page, visit) => {
        await send(60);
        await expect.poll(() => rows(page)).toBe(60);
        await visit.settle();
        expect(await visit.accessibility()).toEqual([]);
        await picture(visit, "tail", theme);
      },
      theme,
    );
  });
});
