// Fails when a colour is written anywhere but in kit/tokens.css.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const TOKENS = join("src", "kit", "tokens.css");
const CSS = /#[0-9a-f]{3,8}\b|\b(?:rgba?|hsla?|hwb|oklch|oklab|lab|lch)\(/gi;
const CODE =
  /["'`]#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})["'`]|["'`](?:rgba?|hsla?|oklch|oklab)\(/gi;

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

let found = 0;
for (const path of files("src")) {
  if (path === TOKENS || /\.test\.tsx?$/.test(path)) continue;
  const pattern = path.endsWith(".css") ? CSS : /\.tsx?$/.test(path) ? CODE : null;
  if (!pattern) continue;
  readFileSync(path, "utf8")
    .split("\n")
    .forEach((line, index) => {
      for (const match of line.matchAll(pattern)) {
        found += 1;
        console.error(`${path}:${index + 1}: ${match[0]} - colours belong in ${TOKENS}`);
      }
    });
}
if (found > 0) process.exitCode = 1;
