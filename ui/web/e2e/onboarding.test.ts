// From an empty store to the first span, without a reload.

import { expect, test } from "vitest";
import { Visit } from "./support/browser.ts";
import { stage } from "./support/shop.ts";
import { slowness } from "./support/slowness.ts";

const empty = stage(() => undefined);

/** A quiet machine notices within two seconds; the limit is twice that, and more on a slower one. */
const NOTICED_MS = 4_000;

test("an empty store says how to begin, notices the first span, leads to it", async () => {
  const visit = await Visit.open(empty.browser, empty.server.url);
  try {
    const page = await visit.go("/");
    await page.getByText("Send telemetry to Oriel").first().waitFor();
    await page.getByText("Waiting for the first data…").waitFor();
    for (const language of ["Python", "Node", "Java", "Go", "Rust", "Collector", "curl"]) {
      await page
        .getByRole("tab", { name: new RegExp(language, "i") })
        .first()
        .click();
      await page.getByText(empty.server.url.replace("http://", "")).first().waitFor();
    }
    expect(await visit.accessibility()).toEqual([]);
    const now = BigInt(Date.now()) * 1_000_000n;
    const span = {
      traceId: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      spanId: "bbbbbbbbbbbbbbbb",
      name: "first",
      kind: 2,
      startTimeUnixNano: String(now - 5_000_000n),
      endTimeUnixNano: String(now),
    };
    const resource = { attributes: [{ key: "service.name", value: { stringValue: "checkout" } }] };
    const sent = Date.now();
    await empty.server.export("traces", {
      resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }],
    });
    await page.getByText("1 records received").or(page.getByText("1 record received")).waitFor();
    const noticed = Date.now() - sent;
    const factor = await slowness(page);
    console.log(`noticed after ${noticed} ms, slowness ${factor}`);
    expect(noticed).toBeLessThan(NOTICED_MS * factor);
    await page.getByRole("link", { name: "See the traces" }).click();
    await page.getByText("first", { exact: true }).first().click();
    await page.getByRole("treegrid").waitFor();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});

test("a refused request is shown with its reason and payload", async () => {
  const visit = await Visit.open(empty.browser, empty.server.url);
  try {
    const page = await visit.go("/status");
    const answer = await empty.server.post("traces", '{"resourceSpans": [ broken');
    expect(answer.status).toBe(400);
    await page.locator("li > button[aria-expanded='false']").first().click();
    await page.getByText("broken").first().waitFor();
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
});
