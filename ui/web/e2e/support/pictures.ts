// Pictures for the documentation: ORIEL_SCREENSHOTS=<folder> keeps them.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Theme, Visit } from "./browser.ts";

const FOLDER = process.env.ORIEL_SCREENSHOTS;
/** What a file of this repository may have. */
const BYTES_MAX = 256 * 1024;
/** Windows in which a page is pictured; the next one when the picture is too large. */
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1280, height: 800 },
  { width: 1280, height: 640 },
];

export async function picture(visit: Visit, name: string, theme: Theme): Promise<void> {
  if (!FOLDER) return;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${name}-${theme}.png`), await fitting(visit));
}

async function fitting(visit: Visit): Promise<Buffer> {
  const { page } = visit;
  let taken = await page.screenshot();
  for (const size of SIZES) {
    if (taken.length < BYTES_MAX) break;
    await page.setViewportSize(size);
    await visit.settle();
    taken = await page.screenshot();
  }
  return taken;
}
