/** Values of metrics as people read them, by their UCUM unit. */

const SI = ["", "k", "M", "G", "T", "P"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SECONDS: Record<string, number> = {
  ns: 1e-9,
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3600,
  d: 86400,
};
const BYTES: Record<string, number> = {
  By: 1,
  KiBy: 1024,
  MiBy: 1024 ** 2,
  GiBy: 1024 ** 3,
  kBy: 1e3,
  MBy: 1e6,
  GBy: 1e9,
};

/** At most three significant digits, without an exponent where that stays short. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) {
    let step = Math.min(SI.length - 1, Math.floor(Math.log10(size) / 3));
    if (Number((size / 1000 ** step).toPrecision(3)) >= 1000 && step < SI.length - 1) step += 1;
    return `${digits(value / 1000 ** step)}${SI[step] === "" ? "" : ` ${SI[step]}`}`;
  }
  return size < 1e-4 ? value.toExponential(1) : digits(value);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function bytes(value: number): string {
  const step =
    value === 0 ? 0 : Math.min(BINARY.length - 1, Math.floor(Math.log2(Math.abs(value)) / 10));
  return `${digits(value / 1024 ** Math.max(0, step))} ${BINARY[Math.max(0, step)]}`;
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1e-6) return `${digits(value * 1e9)} ns`;
  if (size < 1e-3) return `${digits(value * 1e6)} µs`;
  if (size < 1) return `${digits(value * 1e3)} ms`;
  if (size < 120) return `${digits(value)} s`;
  if (size < 7200) return `${digits(value / 60)} min`;
  return `${digits(value / 3600)} h`;
}

/** `{request}` and `1` are counts; what is in braces is a remark. */
function plainUnit(unit: string): string {
  const bare = unit.replace(/\{([^}]*)\}/g, "$1");
  return bare === "1" ? "" : bare;
}

/** A value for an axis: with a unit that is short, else the bare number. */
export function axisText(value: number, unit: string, rate = false): string {
  const short = unit === "%" || unit in BYTES || unit in SECONDS;
  return short ? withUnit(value, unit, rate) : shortNumber(value);
}

/** A value with its unit; a rate is per second. */
export function withUnit(value: number | null, unit: string, rate = false): string {
  if (value === null) return "–";
  const suffix = rate ? "/s" : "";
  const byteScale = BYTES[unit];
  if (byteScale !== undefined) return `${bytes(value * byteScale)}${suffix}`;
  const timeScale = SECONDS[unit];
  // A second a second is a share: of one core, of one connection.
  if (timeScale !== undefined && rate) return `${shortNumber(value * timeScale)} s/s`;
  if (timeScale !== undefined) return seconds(value * timeScale);
  if (unit === "%") return `${shortNumber(value)} %`;
  const plain = plainUnit(unit);
  return `${shortNumber(value)}${plain === "" ? suffix : ` ${plain}${suffix}`}`;
}
