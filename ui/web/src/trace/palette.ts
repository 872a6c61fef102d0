/** The colours of tokens.css as a canvas needs them, and word of when they change. */
import { SERVICE_COLOURS, slotToken } from "../kit/services";
import { tokenColour } from "../kit/theme";

export interface Palette {
  readonly surface: string;
  readonly border: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
  readonly error: string;
  /** By slot; those of the second round are the same colours, hatched. */
  readonly slots: readonly string[];
  readonly font: string;
}

export function readPalette(): Palette {
  return {
    surface: tokenColour("surface"),
    border: tokenColour("border"),
    text: tokenColour("text"),
    muted: tokenColour("text-2"),
    accent: tokenColour("accent"),
    error: tokenColour("error"),
    slots: Array.from({ length: SERVICE_COLOURS }, (_, slot) => tokenColour(slotToken(slot))),
    font: getComputedStyle(document.body).fontFamily,
  };
}

export function slotColour(palette: Palette, slot: number): string {
  return palette.slots[slot % SERVICE_COLOURS] ?? palette.muted;
}

/** Calls back when the theme changes, by the setting or by the system. Returns how to stop. */
export function onThemeChange(callback: () => void): () => void {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  scheme.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", callback);
  };
}

/** A computed colour as the 32 bits of a pixel in ImageData. */
export function pixelOf(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
