// One server with the recorded web shop, one browser, for all tests of a file.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { launch } from "./browser.ts";
import { Server } from "./server.ts";

/** Starts server and browser before the tests of a file; `fill` puts data into the store. */
export function stage(fill: (server: Server) => void | Promise<void>): {
  server: Server;
  browser: Browser;
} {
  const stage = {} as { server: Server; browser: Browser };
  beforeAll(async () => {
    [stage.server, stage.browser] = await Promise.all([Server.start(), launch()]);
    await fill(stage.server);
  });
  afterAll(async () => {
    await stage.browser?.close();
    await stage.server?.stop();
  });
  return stage;
}

/** The number as pages write it, whatever separates its groups of three. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\\D?");
}
