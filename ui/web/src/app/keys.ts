/** Keys: one registry, from which help and the command palette list what can be done now. */
import { useEffect, useRef } from "react";
import { readSaved, save } from "../kit/saved";
import { createStore, useStore } from "../kit/store";
import { type Binding, chordText, KeyReader } from "./chords";

const KEY = "keys";

const registry = createStore<readonly Binding[]>([]);
export const singleKeys = createStore(readSaved(KEY, true));

export function setSingleKeys(on: boolean): void {
  save(KEY, on);
  singleKeys.set(on);
}

/** What keys do now; of two bindings of the same keys the later one counts. */
export function useBindings(): readonly Binding[] {
  const all = useStore(registry);
  const last = new Map(all.map((binding) => [binding.keys, binding]));
  return all.filter((binding) => last.get(binding.keys) === binding);
}

/** Binds keys while the component is there. The functions may change from render to render. */
export function useKeys(bindings: readonly Binding[]): void {
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  const shape = bindings.map((binding) => `${binding.keys}\t${binding.name}`).join("\n");
  useEffect(() => {
    const added = shape === "" ? [] : current.current.map((binding, at) => late(binding, at));
    registry.set([...registry.get(), ...added]);
    return () => registry.set(registry.get().filter((binding) => !added.includes(binding)));

    function late(binding: Binding, at: number): Binding {
      return { ...binding, run: () => current.current[at]?.run() };
    }
  }, [shape]);
}

function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return (
    target instanceof HTMLInputElement &&
    !["checkbox", "radio", "button", "range"].includes(target.type)
  );
}

/** Listens for the whole window; once, in the shell. */
export function useKeyListener(): void {
  useEffect(() => {
    const reader = new KeyReader();
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      if (["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
      const chord = chordText(event);
      const modified = chord.startsWith("mod+") || chord === "Escape";
      if (!modified && (!singleKeys.get() || layered())) return;
      const field = inField(event.target);
      const usable = registry.get().filter((binding) => !field || binding.inFields);
      const found = reader.read(chord, event.timeStamp, usable);
      if (found === null) return;
      event.preventDefault();
      if (found !== "started") found.run();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Whether a dialog, menu or list is open: it has the keys then. */
function layered(): boolean {
  return document.querySelector('[role="dialog"], [role="menu"], [role="listbox"]') !== null;
}
