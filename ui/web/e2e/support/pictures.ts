// Pictures for the documentation: ORIEL_SCREENSHOTS=<folder> keeps them.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import type { Theme } from "./browser.ts";

const FOLDER = process.env.ORIEL_SCREENSHOTS;

export async function picture(page: Page, name: string, theme: Theme): Promise<void> {
  if (!FOLDER) return;
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: join(FOLDER, `${name}-${theme}.png`) });
}
