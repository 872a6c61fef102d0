// The logs explorer: fields counted over all matches, columns, the lines around a record, patterns,
// export, the brush of the volume. All of it is in the address.

import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Visit } from "./support/browser.ts";
import type { Server } from "./support/server.ts";
import { count, stage } from "./support/shop.ts";

/** More than one page of the list, so that what is counted is more than what is loaded. */
const RECORDS = 1_500;
const STEP = 100_000_000n;
const START = (BigInt(Date.now()) - 3_600_000n) * 1_000_000n;
const END = START + BigInt(RECORDS) * STEP;
const RANGE = `from=${START}&to=${END}`;
const ROUTES = ["/cart", "/cart", "/pay", "/cart", "/search"];
const explorer = stage(send);

const text = (value: string) => ({ stringValue: value });
const at = (index: number) => String(START + BigInt(index) * STEP);

/** What the record `index` is. Those of one pod are numbered alternately with those of the other. */
function record(index: number) {
  const route = ROUTES[index % ROUTES.length] ?? "";
  const pay = route === "/pay";
  return {
    timeUnixNano: at(index),
    severityNumber: pay && index % 2 === 0 ? 17 : 9,
    body: text(
      pay
        ? `payment ${1000 + index} declined for user u${index}`
        : `served ${route} in ${index % 90} ms`,
    ),
    attributes: [
      { key: "http.route", value: text(route) },
      { key: "line", value: { intValue: String(index) } },
    ],
    ...(index === 700 ? { traceId: "00112233445566778899aabbccddeeff" } : {}),
  };
}

async function send(server: Server): Promise<void> {
  const resourceLogs = [0, 1].map((pod) => ({
    resource: {
      attributes: [
        { key: "service.name", value: text("press") },
        { key: "service.instance.id", value: text(`instance-${pod}`) },
        { key: "k8s.pod.name", value: text(`press-${pod}`) },
      ],
    },
    scopeLogs: [
      {
        logRecords: Array.from({ length: RECORDS }, (_, index) => index)
          .filter((index) => index % 2 === pod)
          .map(record),
      },
    ],
  }));
  await server.export("logs", { resourceLogs });
}

async function visiting(path: string, act: (page: Page, visit: Visit) => Promise<void>) {
  const visit = await Visit.open(explorer.browser, explorer.server.url);
  try {
    await act(await visit.go(path), visit);
    expect(visit.unexpected()).toEqual([]);
  } finally {
    await visit.close();
  }
}

const total = (page: Page, records: number) =>
  page
    .getByText(new RegExp(`^${count(records)} records`))
    .first()
    .waitFor();

const list = (page: Page, name = "Log records") => page.getByRole("table", { name });
const query = (visit: Visit) => new URL(visit.page.url()).searchParams.get("q") ?? "";
const scrolled = (page: Page, name: string) =>
  list(page, name).evaluate((table) => table.parentElement?.scrollTop ?? 0);

test("fields are counted over all matches; a value is kept and left out by pointer and keys", async () => {
  await visiting(`/logs?${RANGE}`, async (page, visit) => {
    await total(page, RECORDS);
    const fields = page.getByRole("region", { name: "Fields" });
    await fields.getByRole("button", { name: /^http\.route/ }).click();
    await fields
      .getByText(new RegExp(`^3 values · string · in ${count(RECORDS)} records`))
      .waitFor();
    const pay = fields.locator("[data-value]", { hasText: "/pay" });
    await pay.getByText(new RegExp(`^${count(RECORDS / 5)}`)).waitFor();
    await pay.hover();
    await pay.getByRole("button", { name: /^Keep/ }).click();
    await total(page, RECORDS / 5);
    expect(query(visit)).toContain("http.route:");
    await pay.getByRole("button", { name: /^Keep/ }).press("Shift+X");
    await total(page, (RECORDS * 4) / 5);
    expect(query(visit)).toContain("-http.route:");
    await page.goBack();
    await total(page, RECORDS / 5);
  });
});

test("columns come from the address, and go into it when they are chosen, moved and taken away", async () => {
  const cols = "&cols=line~90&cols=resource.k8s.pod.name~200";
  await visiting(`/logs?${RANGE}&order=oldest${cols}`, async (page, visit) => {
    await total(page, RECORDS);
    const heads = () =>
      list(page)
        .getByRole("columnheader")
        .evaluateAll((cells) => cells.map((cell) => cell.textContent ?? "").slice(4, -1));
    await expect.poll(heads).toEqual(["line", "resource.k8s.pod.name"]);
    const second = list(page).getByRole("row").nth(2).getByRole("cell");
    expect(await second.nth(4).textContent()).toBe("1");
    expect(await second.nth(5).textContent()).toBe("press-1");

    const fields = page.getByRole("region", { name: "Fields" });
    await fields.getByRole("button", { name: /^http\.route/ }).hover();
    await fields.getByRole("button", { name: "Column http.route" }).click();
    await expect.poll(heads).toEqual(["line", "resource.k8s.pod.name", "http.route"]);
    await expect.poll(() => second.nth(6).textContent()).toBe("/cart");
    await list(page).getByRole("button", { name: "http.route" }).click();
    await page.getByRole("menuitem", { name: "Move left" }).click();
    await expect.poll(heads).toEqual(["line", "http.route", "resource.k8s.pod.name"]);
    await list(page).getByRole("button", { name: "line", exact: true }).click();
    await page.getByRole("menuitem", { name: "Remove the column" }).click();
    await expect.poll(heads).toEqual(["http.route", "resource.k8s.pod.name"]);
    expect(new URL(visit.page.url()).searchParams.getAll("cols")).toEqual([
      "http.route",
      "resource.k8s.pod.name~200",
    ]);
    expect(await visit.accessibility()).toEqual([]);
  });
});

test("the lines around a record are of its instance, go on at both ends, and lead back to the list", async () => {
  await visiting(`/logs?${RANGE}&order=oldest`, async (page, visit) => {
    await total(page, RECORDS);
    await list(page).evaluate((table) => table.parentElement?.scrollTo({ top: 24 * 695 }));
    await page.getByText("served /cart in 70 ms").first().waitFor();
    await visit.settle();
    const place = await scrolled(page, "Log records");
    const row = list(page).locator("[data-index='700']");
    await row.getByRole("button", { name: /^Record of/ }).focus();
    await page.keyboard.press("o");

    const around = "Lines around the record";
    const marked = list(page, around).locator("[aria-current='true']");
    await marked.waitFor();
    expect(await marked.textContent()).toContain("served /cart in 70 ms");
    // Of the other instance there is nothing: every second line of the list is left out.
    const shown = list(page, around).getByRole("row");
    const bodies = await shown.locator("[role='cell']:last-child").allTextContents();
    expect(bodies).toContain("served /cart in 78 ms");
    expect(bodies).not.toContain("served /cart in 71 ms");
    const lines = async () => Number(await list(page, around).getAttribute("aria-rowcount"));
    const before = await lines();
    await list(page, around).evaluate((table) => table.parentElement?.scrollTo({ top: 0 }));
    await expect.poll(lines).toBeGreaterThan(before);
    expect(new URL(visit.page.url()).searchParams.get("around")).not.toBeNull();

    await page.getByRole("combobox", { name: /^Which lines/ }).click();
    await page.getByRole("option", { name: "everything" }).click();
    await list(page, around).getByText("served /cart in 71 ms").first().waitFor();
    await page.keyboard.press("Escape");
    await list(page).waitFor();
    await expect.poll(() => scrolled(page, "Log records")).toBe(place);
  });
});

test("a record leads to its trace, and Back to the record at its place", async () => {
  await visiting(`/logs?${RANGE}&order=oldest`, async (page, visit) => {
    visit.allowed.push(/^console: Failed to load resource: .* status of 404/);
    await total(page, RECORDS);
    await list(page).evaluate((table) => table.parentElement?.scrollTo({ top: 24 * 690 }));
    const row = list(page).locator("[data-index='700']");
    await row.getByRole("button", { name: /^Record of/ }).click();
    const link = page.getByRole("link", { name: /^Open (trace|span)/ });
    await link.waitFor();
    await visit.settle();
    const place = await scrolled(page, "Log records");
    await link.click();
    await page.waitForURL(/\/traces\/0011/);
    await page.goBack();
    await link.waitFor();
    await expect.poll(() => scrolled(page, "Log records")).toBe(place);
  });
});

test("patterns are counted over all matches, kept, left out, and lead to their records", async () => {
  await visiting(`/logs?${RANGE}&view=patterns`, async (page, visit) => {
    const declined = page.getByRole("row", { name: /payment .* declined/ }).first();
    await declined.waitFor();
    await declined.getByText(new RegExp(`^${count(RECORDS / 5)}$`)).waitFor();
    await declined.getByRole("button", { name: /^Leave out/ }).click();
    await expect.poll(() => declined.count()).toBe(0);
    await page.goBack();
    await declined.waitFor();
    await declined.getByRole("button", { name: /^Records of/ }).click();
    await total(page, RECORDS / 5);
    expect(query(visit)).not.toBe("");
  });
});

test("all matches are exported, in every format that is offered", async () => {
  await visiting(`/logs?${RANGE}&q=${encodeURIComponent("http.route:/pay")}`, async (page) => {
    await total(page, RECORDS / 5);
    const lines = async (item: string) => {
      await page.getByRole("button", { name: "Export" }).click();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("menuitem", { name: item }).click(),
      ]);
      return (await readFile(await download.path(), "utf8")).trim().split("\n");
    };
    const ndjson = await lines("All fields as NDJSON");
    // The last line says what the answer cost.
    expect(ndjson).toHaveLength(RECORDS / 5 + 1);
    expect(JSON.parse(ndjson.at(-1) ?? "")).toHaveProperty("receipt");
    expect(JSON.parse(ndjson[0] ?? "").body).toContain("declined");
    const csv = await lines("The columns shown as CSV");
    expect(csv).toHaveLength(RECORDS / 5 + 1);
  });
});

test("a part of a word finds nothing; the page offers to look inside of words", async () => {
  await visiting(`/logs?${RANGE}&q=decl`, async (page, visit) => {
    await page.getByText("No log records match the filter").waitFor();
    await page.getByRole("button", { name: "Find parts of words: *decl*" }).click();
    await total(page, RECORDS / ROUTES.length);
    expect(query(visit)).toBe("*decl*");
  });
});

test("the filter is told as SQL, which the SQL page runs", async () => {
  await visiting(`/logs?${RANGE}&q=${encodeURIComponent("http.route:/pay")}`, async (page) => {
    await total(page, RECORDS / 5);
    await page.getByRole("button", { name: "Show SQL" }).click();
    const layer = page.getByRole("dialog", { name: "The filter as SQL" });
    await layer.getByText(/SELECT/).waitFor();
    await layer.getByRole("link", { name: "Open in SQL" }).click();
    await page
      .getByText(/declined for user/)
      .first()
      .waitFor();
  });
});

test("a range is brushed on the volume by pointer and by keys; a level is a click", async () => {
  await visiting(`/logs?${RANGE}`, async (page, visit) => {
    await total(page, RECORDS);
    const chart = page.getByRole("application", { name: /^Volume of/ });
    const box = await chart.boundingBox();
    if (!box) throw new Error("no chart");
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.5, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, y, { steps: 5 });
    await page.mouse.up();
    await expect
      .poll(() => new URL(visit.page.url()).searchParams.get("from"))
      .not.toBe(String(START));
    await page.goBack();
    await total(page, RECORDS);
    await chart.focus();
    for (const key of ["ArrowLeft", "Space", "Shift+ArrowLeft", "Space"]) {
      await page.keyboard.press(key);
    }
    await expect
      .poll(() => new URL(visit.page.url()).searchParams.get("from"))
      .not.toBe(String(START));
    await page.goBack();
    await total(page, RECORDS);
    await page
      .getByRole("list", { name: "Levels" })
      .getByRole("button", { name: /^error/ })
      .click();
    await total(page, RECORDS / 10);
    expect(query(visit)).toBe("level:error");
  });
});

test("rows are wrapped, given room and cut to milliseconds by keys; the address says so", async () => {
  await visiting(`/logs?${RANGE}&order=oldest`, async (page, visit) => {
    await total(page, RECORDS);
    const time = list(page).getByRole("row").nth(1).locator("time");
    await expect
      .poll(async () => (await time.textContent())?.length)
      .toBe("00:00:00.000000000".length);
    await page.keyboard.press("m");
    await expect.poll(async () => (await time.textContent())?.length).toBe("00:00:00.000".length);
    await page.keyboard.press("w");
    await page.keyboard.press("z");
    await expect.poll(() => visit.place()).toMatch(/wrap=true.*|density=comfortable.*/);
    const { searchParams } = new URL(page.url());
    expect([...searchParams.keys()]).toEqual(expect.arrayContaining(["wrap", "density", "digits"]));
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Live tail, on or off").waitFor();
  });
});
