import { formatCount } from "../format";
import styles from "../TimeChart.module.css";
import { colorToken, type PlotInput } from "./input";

export interface TipAt {
  index: number;
  left: number;
  width: number;
  /** The value of y under the pointer. */
  y: number;
}

const LINES_MAX = 10;
const AXIS_WIDTH = 60;

/** The values under the crosshair, the greatest first. */
export function ChartTip({ at, input }: { at: TipAt; input: PlotInput }) {
  const { x, series, formatX, formatY } = input;
  const place = x[at.index];
  if (place === undefined) return null;
  const values = series
    .map((one, index) => ({
      name: one.name,
      token: colorToken(one, index),
      value: one.values[at.index] ?? null,
      hidden: one.hidden,
    }))
    .filter((line) => line.value !== null && line.hidden !== true)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const side =
    at.left > at.width / 2
      ? { right: at.width - at.left + 24 }
      : { left: AXIS_WIDTH + at.left + 12 };
  return (
    <div className={styles.tip} style={side} aria-live="polite">
      <time>{formatX(place)}</time>
      <CellLine at={at} input={input} />
      {values.slice(0, LINES_MAX).map((line) => (
        <div key={line.name} className={styles.line}>
          <span className={styles.swatch} style={{ background: `var(--${line.token})` }} />
          <bdi>{line.name}</bdi>
          <output>{formatY(line.value ?? 0)}</output>
        </div>
      ))}
      {values.length > LINES_MAX && <div>and {values.length - LINES_MAX} more</div>}
      {values.length === 0 && input.cells === null && <div>no value</div>}
    </div>
  );
}

/** The count of the cell under the pointer. */
function CellLine({ at, input }: { at: TipAt; input: PlotInput }) {
  const { cells, x } = input;
  const row = Math.floor(at.y);
  if (cells === null || row < 0 || row >= cells.rows) return null;
  return (
    <div className={styles.line}>
      <span />
      <span>{cells.rowName(row)}</span>
      <output>{formatCount(cells.counts[row * x.length + at.index] ?? 0)}</output>
    </div>
  );
}

/** Rows of cells that counted anything. */
function usedRows({ cells, x }: PlotInput): number[] {
  if (cells === null) return [];
  const all = Array.from({ length: cells.rows }, (_, row) => row);
  return all.filter((row) =>
    cells.counts.slice(row * x.length, (row + 1) * x.length).some(Boolean),
  );
}

/** The figures of a chart as a table. */
export function ChartTable({
  label,
  input,
  height,
}: {
  label: string;
  input: PlotInput;
  height: number;
}) {
  const { x, series, formatX, formatY, cells } = input;
  const rows = usedRows(input);
  return (
    <section
      className={styles.table}
      style={{ maxHeight: Math.max(height, 160) }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region takes keys
      tabIndex={0}
      aria-label={`${label}: table`}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">{input.xTime ? "Time" : "x"}</th>
            {series.map((one) => (
              <th key={one.name} scope="col">
                <bdi>{one.name}</bdi>
              </th>
            ))}
            {rows.map((row) => (
              <th key={row} scope="col">
                {cells?.rowName(row)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {x.map((place, index) => (
            <tr key={place}>
              <th scope="row">{formatX(place)}</th>
              {series.map((one) => {
                const value = one.values[index] ?? null;
                return (
                  <td
                    key={one.name}
                    title={value === null || cells !== null ? undefined : String(value)}
                  >
                    {value === null ? "–" : formatY(value)}
                  </td>
                );
              })}
              {rows.map((row) => (
                <td key={row}>{formatCount(cells?.counts[row * x.length + index] ?? 0)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
