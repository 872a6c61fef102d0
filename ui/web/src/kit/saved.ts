/** What this browser remembers; without storage (private windows) it forgets, and all else works. */

export function readSaved<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(`oriel.${key}`);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

export function save(key: string, value: unknown): void {
  try {
    localStorage.setItem(`oriel.${key}`, JSON.stringify(value));
  } catch {
    // Not kept.
  }
}
