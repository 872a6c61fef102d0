/** Search parameters of the address: always text, so that nanoseconds keep every digit. */

export type RawSearch = Record<string, unknown>;

export function parseSearch(text: string): RawSearch {
  const found: Record<string, string | string[]> = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const old = found[key];
    if (old === undefined) found[key] = value;
    else found[key] = Array.isArray(old) ? [...old, value] : [old, value];
  }
  return found;
}

export function stringifySearch(search: RawSearch): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(search)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === undefined || one === null || one === "") continue;
      pairs.push(`${readable(key)}=${readable(String(one))}`);
    }
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** Percent-encoded, except what may stand in a query and reads better as it is. */
function readable(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replace(/%(3A|2F|2C|40|24|5B|5D)/g, (code) => decodeURIComponent(code));
}

/** The value of `key`, when it is there and not empty. */
export function text(raw: RawSearch, key: string): string | undefined {
  const value = raw[key];
  const one = Array.isArray(value) ? value[0] : value;
  if (one === undefined || one === null || one === "") return undefined;
  return String(one);
}

/** All values of a key that may be repeated. */
export function texts(raw: RawSearch, key: string): string[] | undefined {
  const value = raw[key];
  if (value === undefined || value === null || value === "") return undefined;
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** The value of `key`, when it is one of `allowed`. */
export function oneOf<T extends string>(
  raw: RawSearch,
  key: string,
  allowed: readonly T[],
): T | undefined {
  const value = text(raw, key);
  return allowed.find((one) => one === value);
}

/** The value of `key` as a whole number from `min` to `max`. */
export function int(raw: RawSearch, key: string, min: number, max: number): number | undefined {
  const value = text(raw, key);
  if (value === undefined || !/^-?\d{1,15}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= min && number <= max ? number : undefined;
}

/** Whether the flag `key` is set (`key=1`). */
export function flag(raw: RawSearch, key: string): true | undefined {
  const value = text(raw, key);
  return value === "1" || value === "true" ? true : undefined;
}

/** Without the keys that are undefined. */
export function defined<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}
