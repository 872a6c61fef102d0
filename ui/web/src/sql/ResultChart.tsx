/** A simple chart of an answer; the table view is its twin. */
import { useMemo, useState } from "react";
import type { Column } from "../api/types";
import { useSetContext, useTimeRange } from "../app/context";
import { absolute } from "../app/range";
import { formatTime } from "../kit/format";
import { Select } from "../kit/Select";
import { slotOf, slotToken, useSlots } from "../kit/services";
import { type ChartSeries, TimeChart } from "../kit/TimeChart";
import { type ChartSpec, toBars, toLines } from "./chart";
import styles from "./ResultChart.module.css";
import { kindOf } from "./result";
import type { Value } from "./stream";

type Props = { columns: Column[]; rows: Value[][]; count: number; spec: ChartSpec };

export function ResultChart({ columns, rows, count, spec }: Props) {
  const [picked, setPicked] = useState<Partial<ChartSpec>>({});
  // `rows` grows in place; `count` says how far.
  const all = useMemo(() => rows.slice(0, count), [rows, count]);
  const drawn = useMemo(() => ({ ...spec, ...picked }), [spec, picked]);
  return (
    <div className={styles.chart}>
      <Picker
        columns={columns}
        spec={drawn}
        onChange={(change) => setPicked({ ...picked, ...change })}
      />
      {drawn.kind === "bar" ? (
        <Bars columns={columns} rows={all} spec={drawn} />
      ) : (
        <Lines columns={columns} rows={all} spec={drawn} />
      )}
    </div>
  );
}

type PickerProps = {
  columns: Column[];
  spec: ChartSpec;
  onChange(change: Partial<ChartSpec>): void;
};

const NONE = "-1";

function Picker({ columns, spec, onChange }: PickerProps) {
  const choices = (wanted: (kind: string) => boolean) =>
    columns.flatMap((column, index) =>
      wanted(kindOf(column.type)) ? [{ value: String(index), text: column.name }] : [],
    );
  const numbers = choices((kind) => kind === "number");
  const names = choices((kind) => kind === "text" || kind === "boolean" || kind === "id");
  const xs = {
    line: choices((kind) => kind === "time"),
    bar: choices((kind) => kind !== "nested"),
    scatter: numbers,
  }[spec.kind];
  const several = { value: "all", text: "all numbers" };
  const y = spec.y.length > 1 ? "all" : String(spec.y[0] ?? NONE);
  return (
    <div className={styles.picker}>
      <Select
        label="X axis"
        prefix="X"
        value={String(spec.x)}
        choices={xs}
        onChange={(x) => onChange({ x: Number(x) })}
      />
      <Select
        label="Y axis"
        prefix="Y"
        value={y}
        choices={spec.kind === "line" && numbers.length > 1 ? [...numbers, several] : numbers}
        onChange={(next) =>
          onChange({
            y: next === "all" ? numbers.map(({ value }) => Number(value)) : [Number(next)],
          })
        }
      />
      {spec.kind !== "bar" && names.length > 0 && (
        <Select
          label="One series for each"
          prefix="By"
          value={String(spec.split ?? NONE)}
          choices={[{ value: NONE, text: "nothing" }, ...names]}
          onChange={(next) => onChange({ split: next === NONE ? null : Number(next) })}
        />
      )}
    </div>
  );
}

type Drawn = { columns: Column[]; rows: Value[][]; spec: ChartSpec };

const plain = (value: number) => value.toLocaleString("en-US", { maximumSignificantDigits: 6 });

function Lines({ columns, rows, spec }: Drawn) {
  const { zone } = useTimeRange();
  const setContext = useSetContext();
  const slots = useSlots();
  const { x, series, more } = useMemo(() => {
    const lines = toLines(columns, rows, spec);
    // Services have the colours that they have on every page.
    const named = columns[spec.split ?? -1]?.name === "service_name";
    const coloured: ChartSeries[] = lines.series.map((one, index) => ({
      ...one,
      color: slotToken(named ? slotOf(slots, one.name) : index),
    }));
    return { ...lines, series: coloured };
  }, [columns, rows, spec, slots]);
  const xTime = spec.kind === "line";
  const formatX = useMemo(
    () => (xTime ? (ms: number) => formatTime(nanos(ms), zone) : plain),
    [xTime, zone],
  );
  function onRange(from: number, to: number) {
    if (xTime) setContext(absolute({ from: nanos(from), to: nanos(to) }));
  }
  return (
    <>
      <TimeChart
        label={`${spec.y.map((at) => columns[at]?.name).join(", ")} by ${columns[spec.x]?.name}`}
        x={x}
        xTime={xTime}
        series={series}
        kind={spec.kind === "line" ? "line" : "points"}
        height={360}
        zone={zone}
        formatX={formatX}
        formatY={plain}
        onRange={onRange}
      />
      <ul className={styles.legend} aria-label="Series">
        {series.map(({ name, color }) => (
          <li key={name}>
            <span style={{ background: `var(--${color})` }} />
            <bdi>{name}</bdi>
          </li>
        ))}
        {more > 0 && <li>and {more} more series, not drawn</li>}
      </ul>
    </>
  );
}

function nanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}

function Bars({ columns, rows, spec }: Drawn) {
  const { bars, more } = useMemo(() => toBars(rows, spec), [rows, spec]);
  const most = Math.max(0, ...bars.map(({ value }) => Math.abs(value ?? 0))) || 1;
  return (
    <table className={styles.bars}>
      <colgroup>
        <col className={styles.names} />
        <col className={styles.values} />
        <col />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">{columns[spec.x]?.name}</th>
          <th scope="col" colSpan={2}>
            {columns[spec.y[0] ?? -1]?.name}
          </th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ name, value, exact }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: names may repeat, rows do not move
          <tr key={index}>
            <th scope="row" title={name}>
              <bdi>{name}</bdi>
            </th>
            <td className={styles.value}>{exact}</td>
            <td>
              <span
                className={styles.bar}
                data-negative={(value ?? 0) < 0 || undefined}
                style={{ width: `${(Math.abs(value ?? 0) / most) * 100}%` }}
              />
            </td>
          </tr>
        ))}
        {more > 0 && (
          <tr>
            <th colSpan={3}>and {more} more rows, not drawn</th>
          </tr>
        )}
      </tbody>
    </table>
  );
}
