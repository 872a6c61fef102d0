// Every page with the recorded web shop: what it says is what is in truth.json; axe finds nothing in
// either theme; the policy is kept. ORIEL_SCREENSHOTS=<folder> keeps a picture of each.

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type Theme, Visit } from "./support/browser.ts";
import { picture } from "./support/pictures.ts";
import { count, stage } from "./support/shop.ts";
import { SHOP_RANGE, tree, truth } from "./support/truth.ts";

const shop = stage((server) => server.sendShop());

const { traces, logs } = truth;
const failed = tree("error, most services");

interface Place {
  name: string;
  path: string | (() => Promise<string>);
  /** Whether the documentation has a picture of it. */
  pictured?: boolean;
  /** What the browser may complain of. */
  allowed?: RegExp[];
  /** Waits until the page shows what the truth says. */
  shows(page: Page): Promise<void>;
}

const seen = (page: Page, text: string | RegExp) =>
  page.getByText(text).first().waitFor({ state: "visible" });

const PLACES: Place[] = [
  {
    name: "home",
    path: `/?${SHOP_RANGE}`,
    async shows(page) {
      await seen(page, `${Object.keys(traces.spans_by_service).length} services`);
      for (const service of Object.keys(traces.spans_by_service)) await seen(page, service);
    },
  },
  {
    name: "traces",
    path: `/traces?${SHOP_RANGE}`,
    async shows(page) {
      await seen(page, new RegExp(`^${count(traces.distinct_traces)} traces`));
      await page.getByRole("row").nth(5).waitFor();
    },
  },
  {
    name: "spans",
    path: `/traces?${SHOP_RANGE}&lens=spans&q=status%3Aerror`,
    async shows(page) {
      await seen(page, new RegExp(`^${count(traces.spans_by_status.ERROR ?? 0)} spans`));
    },
  },
  {
    name: "trace",
    path: `/traces/${failed.trace_id}?${SHOP_RANGE}&span=${failed.tree[0]?.span_id}`,
    async shows(page) {
      await seen(page, `${failed.spans} spans`);
      await seen(page, `${failed.services.length} services`);
      const errors = failed.tree.filter((span) => span.status === "ERROR").length;
      await seen(page, new RegExp(`${errors} errors`));
      await page.getByRole("treegrid").waitFor();
      await page.getByRole("tab", { name: /Attributes/ }).waitFor();
    },
  },
  {
    name: "flame",
    path: `/traces/${failed.trace_id}?${SHOP_RANGE}&view=flame`,
    pictured: false,
    async shows(page) {
      await seen(page, `${failed.spans} spans`);
      await page.locator("canvas").first().waitFor();
    },
  },
  {
    name: "table of a trace",
    path: `/traces/${failed.trace_id}?${SHOP_RANGE}&view=table`,
    pictured: false,
    async shows(page) {
      await page.getByRole("row").nth(3).waitFor();
    },
  },
  {
    name: "logs of a trace",
    path: `/traces/${failed.trace_id}?${SHOP_RANGE}&view=logs`,
    pictured: false,
    async shows(page) {
      await page.getByRole("row").nth(1).waitFor();
    },
  },
  {
    name: "trace that is not there",
    path: `/traces/${"0123456789abcdef".repeat(2)}?${SHOP_RANGE}`,
    pictured: false,
    allowed: [/^console: Failed to load resource: .* status of 404/],
    async shows(page) {
      await seen(page, "No trace with this id");
    },
  },
  {
    name: "filter with a mistake",
    path: `/traces?${SHOP_RANGE}&q=${encodeURIComponent("service:orders (")}`,
    pictured: false,
    allowed: [/^console: Failed to load resource: .* status of 400/],
    async shows(page) {
      await page.locator("[role=alert]:visible").first().waitFor();
    },
  },
  {
    name: "statement with a mistake",
    path: `/sql?run=1&sql=${encodeURIComponent("SELECT nothing FROM nowhere")}`,
    pictured: false,
    allowed: [/^console: Failed to load resource: .* status of 4\d\d/],
    async shows(page) {
      await page.locator("[role=alert]:visible").first().waitFor();
    },
  },
  {
    name: "logs",
    path: `/logs?${SHOP_RANGE}`,
    async shows(page) {
      await seen(page, new RegExp(`^${count(logs.records)} records`));
      await page.getByRole("row").nth(5).waitFor();
    },
  },
  {
    name: "patterns",
    path: `/logs?${SHOP_RANGE}&view=patterns`,
    async shows(page) {
      await seen(page, new RegExp(`of ${count(logs.records)} records`));
      await page
        .getByRole("row", { name: /order .* completed for/ })
        .first()
        .waitFor();
    },
  },
  {
    name: "context",
    path: async () => {
      const q = encodeURIComponent('"card declined"');
      const path = `/api/v1/search/logs?${SHOP_RANGE}&limit=1&q=${q}`;
      const answer = (await (await fetch(shop.server.url + path)).json()) as {
        logs: { id: string }[];
      };
      return `/logs?${SHOP_RANGE}&around=${answer.logs[0]?.id}`;
    },
    async shows(page) {
      const marked = page.locator("[aria-current='true'][role='row']");
      await marked.getByText(/card declined/).waitFor();
    },
  },
  {
    name: "metrics",
    path: `/metrics?${SHOP_RANGE}`,
    async shows(page) {
      await seen(page, new RegExp(`${truth.metrics.metrics}\\D`));
      await seen(page, "db.client.connections.usage");
    },
  },
  {
    name: "metric",
    path: `/metrics?${SHOP_RANGE}&metric=http.server.duration`,
    async shows(page) {
      await seen(page, "http.server.duration");
      await page.locator("canvas").first().waitFor();
    },
  },
  {
    name: "services",
    path: `/services?${SHOP_RANGE}`,
    async shows(page) {
      for (const service of Object.keys(traces.spans_by_service)) await seen(page, service);
    },
  },
  {
    name: "sql",
    path: `/sql?run=1&sql=${encodeURIComponent(
      "SELECT service_name, count(*) AS spans FROM spans GROUP BY service_name ORDER BY spans DESC",
    )}`,
    async shows(page) {
      for (const [service, spans] of Object.entries(traces.spans_by_service)) {
        await seen(page, service);
        await seen(page, new RegExp(`^${count(spans)}$`));
      }
    },
  },
  {
    name: "status",
    path: "/status",
    async shows(page) {
      await seen(page, new RegExp(count(traces.spans)));
      await seen(page, new RegExp(count(logs.records)));
    },
  },
  {
    name: "onboarding",
    path: "/onboarding",
    async shows(page) {
      await seen(page, "Send telemetry to Oriel");
      await seen(page, shop.server.url);
    },
  },
];

describe.each(PLACES)("$name", ({ name, path, shows, pictured = true, allowed = [] }) => {
  test.each(["light", "dark"] as Theme[])(
    "is true, accessible and within policy: %s",
    async (theme) => {
      const visit = await Visit.open(shop.browser, shop.server.url, { theme });
      try {
        visit.allowed.push(...allowed);
        const page = await visit.go(typeof path === "string" ? path : await path());
        await shows(page);
        await visit.settle();
        expect(await visit.accessibility()).toEqual([]);
        if (pictured) await picture(visit, name, theme);
        expect(visit.unexpected()).toEqual([]);
      } finally {
        await visit.close();
      }
    },
  );
});

test("the truth matters: a wrong figure would not be found", async () => {
  const visit = await Visit.open(shop.browser, shop.server.url);
  const page = await visit.go(`/traces?${SHOP_RANGE}`);
  await seen(page, new RegExp(`^${count(traces.distinct_traces)} traces`));
  expect(
    await page.getByText(new RegExp(`^${count(traces.distinct_traces + 1)} traces`)).count(),
  ).toBe(0);
  await visit.close();
});
