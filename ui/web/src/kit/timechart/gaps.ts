/** A silence of more than this many usual intervals is a gap. */
const USUAL = 3;

/**
 * The values with `undefined` for places that a line crosses: a sender that reports each 10 s has
 * no gaps on a chart with a step of 2 s. Longer silences stay null.
 */
export function bridged(values: (number | null)[]): (number | null | undefined)[] {
  const known = values.flatMap((value, index) => (value === null ? [] : [index]));
  const intervals = known.slice(1).map((index, at) => index - (known[at] ?? index));
  const usual = intervals.toSorted((a, b) => a - b)[Math.floor(intervals.length / 2)] ?? 1;
  const result: (number | null | undefined)[] = [...values];
  for (const [at, length] of intervals.entries()) {
    if (length > USUAL * usual) continue;
    const from = known[at] ?? 0;
    for (let index = from + 1; index < from + length; index += 1) result[index] = undefined;
  }
  return result;
}
