/** The heatmap as a table: each cell that holds something, for who cannot see or point. */
import type { Lens } from "../api/types";
import { formatClock, formatCount, formatDuration } from "../kit/format";
import { boxOf } from "../kit/gridbrush";
import styles from "./HeatPanel.module.css";
import { type Cut, cutOf, filledCells, type Heat } from "./heat";

const ROWS_MAX = 300;

type Props = { heat: Heat; lens: Lens; zone: string; onCut(cut: Cut): void };

export function HeatTable({ heat, lens, zone, onCut }: Props) {
  const { cells, more } = filledCells(heat, ROWS_MAX);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keys
    <section className={styles.table} aria-label="Heatmap as a table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Duration from</th>
            <th scope="col">to</th>
            <th scope="col" data-number="">
              {lens === "traces" ? "Traces" : "Spans"}
            </th>
            <th scope="col" data-number="">
              Errors
            </th>
            <th scope="col">
              <span className="hidden-text">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {cells.map((cell) => {
            const cut = cutOf(heat, boxOf(cell, cell));
            return (
              <tr key={`${cell.column}:${cell.row}`}>
                <td>{formatClock(cut.from, zone, "s")}</td>
                <td>{formatDuration(heat.edges[cell.row])}</td>
                <td>{formatDuration(heat.edges[cell.row + 1])}</td>
                <td data-number="">{formatCount(cell.count)}</td>
                <td data-number="">{cell.errors > 0 ? `⬢ ${formatCount(cell.errors)}` : ""}</td>
                <td>
                  <button type="button" onClick={() => onCut(cut)}>
                    Select
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {more > 0 && (
        <p className={styles.more}>
          and {formatCount(more)} cells more: narrow the time range to see them
        </p>
      )}
    </section>
  );
}
