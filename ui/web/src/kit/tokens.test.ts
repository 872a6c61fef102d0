import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SERVICE_COLOURS } from "./services";

const css = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
type Rgb = [number, number, number];

/** The two values of a token: light and dark. */
function pair(name: string): [Rgb, Rgb] {
  const found = new RegExp(`--${name}: light-dark\\(#([0-9a-f]{6}), #([0-9a-f]{6})\\)`).exec(css);
  if (!found?.[1] || !found[2]) throw new Error(`${name} has no two colours`);
  return [rgb(found[1]), rgb(found[2])];
}

function rgb(hex: string): Rgb {
  const part = (at: number) => linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  return [part(0), part(2), part(4)];
}

const linear = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);

function contrast(a: Rgb, b: Rgb): number {
  const light = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  const [high, low] = [light(a), light(b)].toSorted((x, y) => y - x);
  return (high ?? 0) / (low ?? 1);
}

function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

const distance = (a: Rgb, b: Rgb) =>
  100 * Math.hypot(...oklab(a).map((v, i) => v - (oklab(b)[i] ?? 0)));

describe.each([
  ["light", 0],
  ["dark", 1],
] as const)("%s", (_, theme) => {
  const surfaces = ["bg", "surface", "raised", "hover", "selected"].map(
    (name) => pair(name)[theme],
  );
  const services = Array.from({ length: SERVICE_COLOURS }, (_, at) => pair(`svc-${at}`)[theme]);
  const worst = (colour: Rgb) => Math.min(...surfaces.map((surface) => contrast(colour, surface)));

  test.each(["text", "text-2", "accent", "error", "warn-text", "ok-text"])(
    "%s can be read",
    (name) => {
      expect(worst(pair(name)[theme])).toBeGreaterThanOrEqual(4.5);
    },
  );
  test.each(["warn", "ok"])("%s can be seen", (name) => {
    expect(worst(pair(name)[theme])).toBeGreaterThanOrEqual(3);
  });
  test("text on the accent can be read", () => {
    expect(contrast(pair("on-accent")[theme], pair("accent")[theme])).toBeGreaterThanOrEqual(4.5);
  });
  test("services stand out from the page", () => {
    const [bg, surface] = [pair("bg")[theme], pair("surface")[theme]];
    for (const colour of services) {
      expect(Math.min(contrast(colour, bg), contrast(colour, surface))).toBeGreaterThanOrEqual(3);
    }
  });
  test("services and errors stand out from each other", () => {
    const between = (colours: Rgb[]) =>
      Math.min(...colours.flatMap((a, at) => colours.slice(at + 1).map((b) => distance(a, b))));
    expect(between(services.slice(0, 6))).toBeGreaterThanOrEqual(12.5);
    expect(between(services)).toBeGreaterThanOrEqual(6.9);
    const error = pair("error")[theme];
    expect(Math.min(...services.map((colour) => distance(colour, error)))).toBeGreaterThanOrEqual(
      9,
    );
  });
});
