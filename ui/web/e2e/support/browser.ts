// Debian's Chromium through playwright-core, and a page that remembers everything it must not do:
// violate its policy, ask another host, log an error, throw.

import AxeBuilder from "@axe-core/playwright";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Page,
  type Request,
} from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--font-render-hinting=none",
];

/** Starts the browser of the system. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
  });
}

/** How long a page may take to show something, on a busy machine. */
const PATIENCE_MS = 60_000;
/** How long nothing may be asked or loading before a page counts as at rest. */
const REST_MS = 100;
const RESTS = 3;

export type Theme = "light" | "dark";

/** A page of a fresh browser profile, and what it did wrong. */
export class Visit {
  readonly faults: string[] = [];
  /** Expected failures, e.g. of a request that a test breaks on purpose. */
  readonly allowed: RegExp[] = [];
  /** Requests without an answer yet; streams never end and are not among them. */
  private readonly open = new Set<Request>();

  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly origin: string,
  ) {}

  /** Opens a fresh profile; nothing is loaded yet. */
  static async open(
    browser: Browser,
    origin: string,
    options: { theme?: Theme; width?: number; height?: number; reducedMotion?: boolean } = {},
  ): Promise<Visit> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
      colorScheme: options.theme ?? "light",
      reducedMotion: options.reducedMotion === false ? "no-preference" : "reduce",
      locale: "en-GB",
      timezoneId: "UTC",
      acceptDownloads: true,
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const visit = new Visit(page, context, new URL(origin).origin);
    await visit.watch();
    return visit;
  }

  private async watch(): Promise<void> {
    const fault = (text: string) => this.faults.push(text);
    await this.page.exposeFunction("reportViolation", (text: string) => fault(`policy: ${text}`));
    await this.page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const report = (window as unknown as { reportViolation(text: string): void })
          .reportViolation;
        report(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    this.page.on("requestfinished", (request) => this.open.delete(request));
    this.page.on("requestfailed", (request) => this.open.delete(request));
    this.page.on("request", (request) => {
      const url = new URL(request.url());
      if (!/\/(live|tail)$/.test(url.pathname)) this.open.add(request);
      if (url.protocol === "data:" || url.protocol === "blob:") return;
      if (url.origin !== this.origin) fault(`request off the origin: ${request.url()}`);
    });
    this.page.on("pageerror", (error) => fault(`exception: ${error.message}`));
    this.page.on("dialog", (dialog) => {
      fault(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => undefined);
    });
    this.page.on("console", (message) => {
      if (message.type() === "error") fault(`console: ${message.text()}`);
    });
  }

  /** Loads a path of the server. */
  async go(path: string): Promise<Page> {
    await this.page.goto(`${this.origin}${path}`, { waitUntil: "load" });
    return this.page;
  }

  /** Waits until the page asks nothing, loads nothing and has drawn what came. */
  async settle(): Promise<void> {
    for (let rests = 0; rests < RESTS; ) {
      // Two frames: what came is drawn, and what that asks for is asked.
      await this.page.evaluate(
        (rest) =>
          new Promise((done) =>
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, rest))),
          ),
        REST_MS,
      );
      const busy = await this.page.locator("[aria-busy='true']").count();
      rests = this.open.size > 0 || busy > 0 ? 0 : rests + 1;
    }
  }

  /** Waits until the focus is on an element that matches the selector. */
  async focused(selector: string): Promise<void> {
    await this.page.waitForFunction(
      (wanted) => document.activeElement?.matches(wanted) === true,
      selector,
    );
  }

  /** Presses keys that belong together without waiting for the page in between. */
  async chord(...keys: string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.page.keyboard.press(key)));
  }

  /** Path and query that the address bar shows. */
  place(): string {
    const url = new URL(this.page.url());
    return url.pathname + url.search;
  }

  /** What went wrong and was not expected. */
  unexpected(): string[] {
    return this.faults.filter((fault) => !this.allowed.some((pattern) => pattern.test(fault)));
  }

  /** Violations of WCAG 2.2 A and AA that axe finds on the page as it is, one line each. */
  async accessibility(): Promise<string[]> {
    const report = await new AxeBuilder({ page: this.page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
      .analyze();
    return report.violations.map((violation) => {
      const places = violation.nodes.slice(0, 3).map((node) => node.target.join(" "));
      return `${violation.id}: ${violation.help} at ${places.join(" | ")}`;
    });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
