/** What is said aloud: counts and states that changed, at most one message a second. */
import { createStore } from "../kit/store";

const SPACING_MS = 1000;

export const announced = createStore("");

let next = "";
let timer: ReturnType<typeof setTimeout> | undefined;
let last = 0;

/** Says `message` politely; of several within a second only the last is said. */
export function announce(message: string): void {
  next = message;
  if (timer !== undefined) return;
  const wait = Math.max(0, last + SPACING_MS - Date.now());
  timer = setTimeout(() => {
    timer = undefined;
    last = Date.now();
    announced.set(next);
  }, wait);
}
