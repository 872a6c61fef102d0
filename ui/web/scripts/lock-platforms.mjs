// Completes package-lock.json with the packages of other platforms.
//
// npm leaves out optional packages that the registry in reach does not serve, and `npm ci` then
// refuses the lock file as out of date. Run after each change of the dependencies.

import { readFileSync, writeFileSync } from "node:fs";

const PATH = new URL("../package-lock.json", import.meta.url);
const OS = ["android", "darwin", "freebsd", "linux", "openbsd", "openharmony", "win32", "aix"];
const CPU = {
  x64: "x64",
  arm64: "arm64",
  arm: "arm",
  ia32: "ia32",
  ppc64: "ppc64",
  s390x: "s390x",
  riscv64: "riscv64",
  wasm32: "wasm32",
  loong64: "loong64",
  mips64el: "mips64el",
};

const lock = JSON.parse(readFileSync(PATH, "utf8"));
const added = {};
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`;
    if (lock.packages[at] || added[at] || lock.packages[`${path}/node_modules/${name}`]) continue;
    const words = name.split("/").at(-1).split("-");
    const os = words.find((word) => OS.includes(word));
    const cpu = words.map((word) => CPU[word]).find(Boolean);
    if (!/^\d+\.\d+\.\d+/.test(version)) continue;
    added[at] = {
      version,
      ...(cpu && { cpu: [cpu] }),
      dev: true,
      ...(os === "linux" && {
        libc: [words.some((word) => word.startsWith("musl")) ? "musl" : "glibc"],
      }),
      optional: true,
      ...(os && { os: [os] }),
    };
  }
}
const packages = Object.entries({ ...lock.packages, ...added });
packages.sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(packages);
writeFileSync(PATH, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${Object.keys(added).length} packages of other platforms added`);
