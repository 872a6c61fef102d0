/** Light, dark, or as the system says; and colours of tokens for canvases. */
import { readSaved, save } from "./saved";
import { createStore, useStore } from "./store";

export type ThemeChoice = "light" | "dark" | "system";
export type Theme = "light" | "dark";

const KEY = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function saved(): ThemeChoice {
  const value = readSaved<string>(KEY, "system");
  return value === "light" || value === "dark" ? value : "system";
}

const choice = createStore<ThemeChoice>(saved());
const theme = createStore<Theme>(themeOf(choice.get()));

function themeOf(chosen: ThemeChoice): Theme {
  if (chosen !== "system") return chosen;
  return system.matches ? "dark" : "light";
}

function apply(): void {
  const chosen = choice.get();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  colours.clear();
  theme.set(themeOf(chosen));
}

system.addEventListener("change", apply);

export function setTheme(chosen: ThemeChoice): void {
  save(KEY, chosen);
  choice.set(chosen);
  apply();
}

export const useThemeChoice = () => useStore(choice);
/** The theme that is shown; canvases draw again when it changes. */
export const useTheme = () => useStore(theme);

const colours = new Map<string, string>();

/** What `var(--name)` is in the theme that is shown, as a canvas takes it. */
export function tokenColour(name: string): string {
  const known = colours.get(name);
  if (known !== undefined) return known;
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  colours.set(name, value);
  return value;
}
