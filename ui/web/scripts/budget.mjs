// Fails when a script of dist/ is larger than it may be (kB of 1024 bytes, gzip -9).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST_LOAD = 220;
const ROUTE = 60;
const SQL_ROUTE = 170;
const HOME = "src/home/Page.tsx";

const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const sizes = new Map();

function size(file) {
  if (!sizes.has(file))
    sizes.set(file, gzipSync(readFileSync(join("dist", file)), { level: 9 }).length / 1024);
  return sizes.get(file);
}

/** The script files that `key` loads before it runs, itself included. */
function loaded(key, seen = new Set()) {
  const chunk = manifest[key];
  if (seen.has(key) || !chunk) return seen;
  seen.add(key);
  for (const other of chunk.imports ?? []) loaded(other, seen);
  return seen;
}

const sum = (keys) => [...keys].reduce((total, key) => total + size(manifest[key].file), 0);
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const first = loaded(entry);
loaded(HOME, first);

const rows = [["first load (shell + home)", sum(first), FIRST_LOAD]];
const shell = loaded(entry);
for (const key of Object.keys(manifest)) {
  if (!manifest[key].isDynamicEntry) continue;
  const own = [...loaded(key)].filter((other) => !shell.has(other));
  rows.push([
    key,
    sum(own),
    key.startsWith("src/sql/") || key.includes("codemirror") ? SQL_ROUTE : ROUTE,
  ]);
}

let failed = false;
for (const [name, kB, limit] of rows) {
  const over = kB > limit;
  failed ||= over;
  console.log(
    `${over ? "OVER" : "ok  "} ${kB.toFixed(1).padStart(7)} of ${String(limit).padStart(3)} kB  ${name}`,
  );
}
if (failed) process.exitCode = 1;
