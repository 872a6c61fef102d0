// Journeys without a mouse.

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
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.waitForURL(/\/traces/);
    await page.getByRole("row").nth(5).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("service:orders status:error trace.duration>500ms");
    await page.keyboard.press("Enter");
    await expect.poll(() => decodeURIComponent(visit.place())).toContain("trace.duration>500ms");
    await page.getByRole("row").nth(2).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("treegrid").waitFor();
    await page.locator('[role="treegrid"] [role="row"][aria-rowindex="2"]').first().waitFor();
    await page.getByRole("treegrid").focus();
    await page.keyboard.press("e");
    // The row of the error is brought into view first, which takes a frame or two.
    await expect
      .poll(async () => {
        await page.keyboard.press("Enter");
        return visit.place();
      })
      .toContain("span=");
    await page.getByRole("tab", { name: /Attributes/ }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => visit.place()).not.toContain("span=");
    await page.goBack();
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
    await page.keyboard.type(failed.trace_id);
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
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/skip/i);
    for (let stop = 0; stop < 25; stop += 1) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return true;
        const box = element.getBoundingClientRect();
        return box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
      });
      expect(seen).toBe(true);
    }
  } finally {
    await visit.close();
  }
});
