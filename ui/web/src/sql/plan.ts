/** One operator of an EXPLAIN ANALYZE, with what it measured. */
export interface PlanNode {
  name: string;
  detail: string;
  depth: number;
  rows: string | null;
  /** Nanoseconds of this operator alone, over all its partitions. */
  computeNs: number | null;
  metrics: [string, string][];
}

const UNIT_NS: Record<string, number> = { ns: 1, µs: 1e3, μs: 1e3, us: 1e3, ms: 1e6, s: 1e9 };

/** `64.50µs` in nanoseconds. */
export function parseDuration(text: string): number | null {
  const match = /^([\d.]+)\s*(ns|µs|μs|us|ms|s)$/.exec(text.trim());
  const unit = UNIT_NS[match?.[2] ?? ""];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** `a=1, b=x, y, c=3`: a comma that no `key=` follows belongs to the value. */
function parseMetrics(text: string): [string, string][] {
  return text
    .split(/, (?=[\w.]+=)/)
    .map((pair): [string, string] => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    })
    .filter(([key]) => key !== "");
}

function parseLine(line: string): PlanNode {
  const depth = (line.length - line.trimStart().length) / 2;
  const [operator = "", metricsText = ""] = line.trim().split(/,? metrics=\[/);
  const metrics = parseMetrics(metricsText.replace(/\]$/, ""));
  const named = new Map(metrics);
  const colon = operator.search(/[:,]/);
  return {
    name: colon < 0 ? operator : operator.slice(0, colon),
    detail: colon < 0 ? "" : operator.slice(colon + 1).trim(),
    depth,
    rows: named.get("output_rows") ?? null,
    computeNs: parseDuration(named.get("elapsed_compute") ?? ""),
    metrics,
  };
}

/** The operators of a plan's text, parents before their children. */
export function parsePlan(text: string): PlanNode[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(parseLine);
}
