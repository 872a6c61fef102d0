// Writes a .br and a .gz beside each text asset of dist/, for the server to embed.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXT = /\.(js|css|html|svg|json)$/;

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

for (const path of files("dist")) {
  // index.html is filled in per response, so it is never served compressed ahead of time.
  if (!TEXT.test(path) || path.endsWith("index.html") || path.includes(".vite")) continue;
  const text = readFileSync(path);
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  writeFileSync(`${path}.br`, brotliCompressSync(text, brotli));
  writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
}
