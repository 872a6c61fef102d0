// Telemetry as an attacker would send it: every page shows it as text, runs nothing, stays usable.

import { expect, test } from "vitest";
import { Visit } from "./support/browser.ts";
import { HOSTILE, HOSTILE_SPAN, HOSTILE_TRACE, sendHostile } from "./support/hostile.ts";
import { stage } from "./support/shop.ts";

const NOW = BigInt(Date.now()) * 1_000_000n - 60_000_000_000n;
const RANGE = `from=${NOW - 60_000_000_000n}&to=${NOW + 60_000_000_000n}`;
const hostile = stage((server) => sendHostile(server, NOW));

const PATHS = [
  `/?${RANGE}`,
  `/traces?${RANGE}`,
  `/traces?${RANGE}&lens=spans`,
  `/traces/${HOSTILE_TRACE}?${RANGE}`,
  `/traces/${HOSTILE_TRACE}?${RANGE}&span=${HOSTILE_SPAN}`,
  `/traces/${HOSTILE_TRACE}?${RANGE}&view=flame`,
  `/traces/${HOSTILE_TRACE}?${RANGE}&view=table`,
  `/traces/${HOSTILE_TRACE}?${RANGE}&view=logs`,
  `/logs?${RANGE}`,
  `/logs?${RANGE}&wrap=true`,
  `/metrics?${RANGE}`,
  `/metrics?${RANGE}&metric=${encodeURIComponent(HOSTILE.script)}`,
  `/services?${RANGE}`,
  `/sql?run=1&sql=${encodeURIComponent("SELECT name, status_message, service_name FROM spans")}`,
  "/status",
  // What is hostile may also stand in the address.
  `/traces?${RANGE}&q=${encodeURIComponent(HOSTILE.script)}`,
  `/logs?${RANGE}&q=${encodeURIComponent(HOSTILE.quote)}`,
  `/sql?sql=${encodeURIComponent(HOSTILE.image)}`,
  `/traces/${encodeURIComponent(HOSTILE.svg)}`,
  `/nowhere/${encodeURIComponent(HOSTILE.image)}`,
];

test.each(PATHS)("%s", async (path) => {
  const visit = await Visit.open(hostile.browser, hostile.server.url);
  // A filter or an id that is not one is refused by the server; the browser logs that.
  visit.allowed.push(/^console: Failed to load resource: .* status of 4\d\d/);
  try {
    const page = await visit.go(path);
    await visit.settle();
    const harm = await page.evaluate(() => ({
      hacked: (window as unknown as { hacked?: number }).hacked ?? null,
      // Elements that only the hostile values would bring.
      images: document.querySelectorAll("img[src='x'], #root script, a[href^='javascript']").length,
      hidden: getComputedStyle(document.body).display === "none",
    }));
    expect(harm).toEqual({ hacked: null, images: 0, hidden: false });
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

test("a span of ten thousand attributes and a megabyte of text stays usable", async () => {
  const visit = await Visit.open(hostile.browser, hostile.server.url);
  try {
    const page = await visit.go(`/traces/${HOSTILE_TRACE}?${RANGE}&span=${HOSTILE_SPAN}`);
    await page.getByText("hostile.script").first().waitFor();
    await page.getByText(HOSTILE.script).first().waitFor();
    await visit.settle();
    // The list is a window: far fewer elements than attributes.
    const elements = await page.evaluate(() => document.querySelectorAll("*").length);
    expect(elements).toBeLessThan(5_000);
    const find = page.getByPlaceholder("Find key or value…");
    await find.fill("many.09999");
    await page.getByText("value 9999").first().waitFor();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

test("the probe can fail: markup put into the page by hand is noticed", async () => {
  const visit = await Visit.open(hostile.browser, hostile.server.url);
  const page = await visit.go("/status");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hacked = 1";
    document.body.append(script);
    const image = document.createElement("img");
    image.src = "http://127.0.0.1:9/x.png";
    document.body.append(image);
  });
  await expect.poll(() => visit.faults.join("\n")).toMatch(/policy: script-src/);
  await expect.poll(() => visit.faults.join("\n")).toMatch(/policy: img-src|off the origin/);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  await visit.close();
});
