/** The series of a chart with their last, mean and greatest value; a press hides one. */
import type { MetricSeriesAnswer } from "../api/types";
import { visible } from "../kit/format";
import styles from "./Detail.module.css";
import { heatOf } from "./heat";
import { isRate, type Labels, legendOf, seriesName, sharedKeys, unitOf } from "./series";
import { withUnit } from "./unit";

type Props = {
  answer: MetricSeriesAnswer;
  hidden: ReadonlySet<number>;
  onHidden(hidden: ReadonlySet<number>): void;
  onFilter(condition: string): void;
};

export function Legend({ answer, hidden, onHidden, onFilter }: Props) {
  const { series, agg, unit } = answer;
  const shared = sharedKeys(series.map(({ labels }) => labels));
  const heat = heatOf(answer) !== null;
  const format = (value: number | null) => withUnit(value, unitOf(agg, unit), isRate(agg));

  function toggle(index: number, alone: boolean) {
    if (alone) {
      const others = series.map((_, other) => other).filter((other) => other !== index);
      const already = others.every((other) => hidden.has(other)) && !hidden.has(index);
      return onHidden(new Set(already ? [] : others));
    }
    const next = new Set(hidden);
    if (!next.delete(index)) next.add(index);
    onHidden(next);
  }

  return (
    <table className={styles.legend}>
      <thead>
        <tr>
          <th scope="col">Series</th>
          <th scope="col">Last</th>
          <th scope="col">Avg</th>
          <th scope="col">Max</th>
          <th scope="col">
            <span className="hidden-text">Conditions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {series.map(({ labels, values }, index) => {
          const name =
            series.length === 1 && Object.keys(labels).length === 0
              ? agg
              : seriesName(labels, shared);
          const { last, avg, max } = legendOf(values);
          const token = heat && index === 0 ? "text" : `svc-${index % 12}`;
          const [own] = Object.entries(labels).filter(([key]) => !shared.has(key));
          return (
            <tr key={name} data-hidden={hidden.has(index) || undefined}>
              <th scope="row">
                <button
                  type="button"
                  aria-pressed={!hidden.has(index)}
                  title={`${describe(labels) || name}\nClick hides or shows it, with Alt only it`}
                  onClick={(event) => toggle(index, event.altKey)}
                >
                  <span className={styles.swatch} style={{ background: `var(--${token})` }} />
                  <bdi>{visible(name)}</bdi>
                </button>
              </th>
              <td title={exact(last)}>{format(last)}</td>
              <td title={exact(avg)}>{format(avg)}</td>
              <td title={exact(max)}>{format(max)}</td>
              <td>
                {own !== undefined && own[1] !== null && (
                  <button
                    type="button"
                    className={styles.keep}
                    aria-label={`Only ${own[0]} = ${own[1]}`}
                    title="Keep only this"
                    onClick={() => onFilter(`${own[0]}=${own[1]}`)}
                  >
                    +
                  </button>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function exact(value: number | null): string | undefined {
  return value === null ? undefined : String(value);
}

function describe(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value ?? "(none)"}`)
    .join("\n");
}
