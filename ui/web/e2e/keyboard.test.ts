// Journeys without a mouse.

import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { Visit } from "./support/browser.ts";
import { stage } from "./support/shop.ts";
import { SHOP_RANGE, tree } from "./support/truth.ts";

const shop = stage((server) => server.sendShop());
const failed = tree("error, most services");

test("from search to the failing span, its attributes, and back", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const page = await visit.go(`/?${SHOP_RANGE}`);
    await page.getByText("6 services").first().waitFor();
    await visit.chord("g", "t");
    await page.waitForURL(/\/traces/);
    await page.getByRole("row").nth(5).waitFor();
    await page.keyboard.press("/");
    await visit.focused("[data-query]");
    await page.keyboard.type("service:orders status:error trace.duration>500ms");
    await page.keyboard.press("Enter");
    await expect.poll(() => decodeURIComponent(visit.place())).toContain("trace.duration>500ms");
    // The rows of the question before stay until the answer comes.
    await visit.settle();
    await page.keyboard.press("Escape");
    await visit.focused("main, body");
    await page.keyboard.press("j");
    await visit.focused("[data-index='0'] [data-main]");
    await page.keyboard.press("j");
    await visit.focused("[data-index='1'] [data-main]");
    await page.keyboard.press("Enter");
    await rowOfTrace(page, 2).waitFor();
    await page.getByRole("treegrid").focus();
    await page.keyboard.press("e");
    await page.waitForFunction(() => {
      const grid = document.querySelector("[role='treegrid']");
      const active = grid?.getAttribute("aria-activedescendant") ?? "";
      return document.getElementById(active)?.textContent?.endsWith(", error");
    });
    await page.keyboard.press("Enter");
    await expect.poll(() => visit.place()).toContain("span=");
    await page.getByRole("tab", { name: /Attributes/ }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => visit.place()).not.toContain("span=");
    await page.goBack();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

function rowOfTrace(page: Page, row: number): Locator {
  return page.locator(`[role="treegrid"] [role="row"][aria-rowindex="${row}"]`).first();
}

test("keys pressed at once, and held, open the failing span once, from any view", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const error = failed.tree.find((span) => span.status === "ERROR");
    for (const view of ["", "&view=table"]) {
      const page = await visit.go(`/traces/${failed.trace_id}?${SHOP_RANGE}${view}`);
      await (view === "" ? rowOfTrace(page, 2) : page.getByRole("table").first()).waitFor();
      // All rows closed: that of the error comes only after the worker has opened those above it.
      if (view === "") {
        await page.getByRole("treegrid").focus();
        await visit.chord("[", "[", "[", "[", "[", "[", "[", "[");
      }
      const before = await page.evaluate(() => history.length);
      await visit.chord("e", "Enter", "Enter", "Enter", "Enter");
      await expect.poll(() => visit.place()).toContain(`span=${error?.span_id}`);
      await page.getByRole("tab", { name: /Attributes/ }).waitFor();
      await visit.settle();
      expect(visit.place()).toContain(`span=${error?.span_id}`);
      const added = (await page.evaluate(() => history.length)) - before;
      expect(added).toBeLessThanOrEqual(2);
    }
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

test("keys copy, keep and drop the value that has the focus; capitals go backwards", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  const clipboard = () => visit.page.evaluate(() => navigator.clipboard.readText());
  try {
    const errors = failed.tree.filter((span) => span.status === "ERROR");
    const page = await visit.go(`/traces/${failed.trace_id}?${SHOP_RANGE}`);
    await rowOfTrace(page, 2).waitFor();
    await page.keyboard.press("Shift+E");
    await page.keyboard.press("Enter");
    await expect.poll(() => visit.place()).toContain(`span=${errors.at(-1)?.span_id}`);
    await page.getByRole("tab", { name: /Attributes/ }).waitFor();
    const value = page.getByRole("table", { name: "Attributes" }).locator("[data-main]").first();
    await value.focus();
    await page.keyboard.press("c");
    await expect.poll(clipboard).not.toBe("");
    const copied = await clipboard();
    expect(await value.textContent()).toContain(copied.slice(0, 50));
    await page.keyboard.press("Shift+C");
    await expect.poll(clipboard).toContain(`"span_id": "${errors.at(-1)?.span_id}"`);
    await value.focus();
    await page.keyboard.press("Shift+X");
    await page.waitForURL(/\/traces\?/);
    expect(decodeURIComponent(visit.place())).toContain("q=-span.");
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

test("the palette jumps to a pasted trace id; help lists the keys", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const page = await visit.go(`/?${SHOP_RANGE}`);
    await page.getByText("6 services").first().waitFor();
    await page.keyboard.press("?");
    const help = page.getByRole("dialog");
    await help
      .getByText(/palette/i)
      .first()
      .waitFor();
    expect(await visit.accessibility()).toEqual([]);
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
    await page.keyboard.press("Control+k");
    await visit.focused("[role='dialog'] input");
    await page.keyboard.type(failed.trace_id);
    await page.getByRole("option").getByText(failed.trace_id.slice(0, 8)).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(failed.trace_id));
    await page.getByRole("treegrid").waitFor();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

test("the first Tab stop skips to the content; every stop can be seen", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const page = await visit.go(`/traces?${SHOP_RANGE}`);
    await page.getByRole("row").nth(5).waitFor();
    await visit.settle();
    await page.keyboard.press("Tab");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.textContent))
      .toMatch(/skip/i);
    for (let stop = 0; stop < 25; stop += 1) {
      await page.keyboard.press("Tab");
      await page.waitForFunction(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return true;
        const box = element.getBoundingClientRect();
        return box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
      });
    }
  } finally {
    await visit.close();
  }
});

test("a statement is laid out by its key, and run", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  try {
    const sql = "select name, count(*) from spans where kind = 'SERVER' group by name limit 3";
    const page = await visit.go(`/sql?sql=${encodeURIComponent(sql)}`);
    const editor = page.getByRole("textbox", { name: "SQL", exact: true });
    await editor.focus();
    await page.keyboard.press("Control+Shift+F");
    await expect
      .poll(() => new URL(page.url()).searchParams.get("sql"))
      .toBe("SELECT name, count(*)\nFROM spans\nWHERE kind = 'SERVER'\nGROUP BY name\nLIMIT 3");
    await page.keyboard.press("Control+Enter");
    await page
      .getByText(/3 rows/)
      .first()
      .waitFor();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});
