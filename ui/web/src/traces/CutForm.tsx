/** The box of the heatmap as four fields: time from and to, shortest and longest duration. */
import { useId, useState } from "react";
import { instant } from "../app/range";
import { exactTime, formatDuration } from "../kit/format";
import styles from "./HeatPanel.module.css";
import { type Cut, cutOf, type Heat } from "./heat";
import { durationTerm, readDuration } from "./model";

type Props = { heat: Heat; zone: string; cut: Cut | null; onKeep(cut: Cut): void };

export function CutForm({ heat, zone, cut, onKeep }: Props) {
  const whole = cutOf(heat, { left: 0, right: heat.columns - 1, bottom: 0, top: heat.rows - 1 });
  const given = cut ?? whole;
  // Other numbers from a drawn box replace what was typed.
  const key = `${given.from}-${given.to}-${given.min}-${given.max}`;
  return <Fields key={key} given={given} heat={heat} zone={zone} onKeep={onKeep} />;
}

function Fields({ given, heat, zone, onKeep }: Omit<Props, "cut"> & { given: Cut }) {
  const [from, setFrom] = useState(shortTime(given.from, zone));
  const [to, setTo] = useState(shortTime(given.to, zone));
  const [min, setMin] = useState(given.min === null ? "" : durationTerm(given.min));
  const [max, setMax] = useState(given.max === null ? "" : durationTerm(given.max));
  const [wrong, setWrong] = useState("");
  const note = useId();

  function keep() {
    const read = readFields(from, to, min, max);
    if (typeof read === "string") return setWrong(read);
    setWrong("");
    onKeep(read);
  }

  const field = (label: string, value: string, set: (text: string) => void, more = {}) => (
    <label>
      {label}
      <input
        value={value}
        aria-describedby={wrong ? note : undefined}
        onChange={(event) => set(event.target.value)}
        {...more}
      />
    </label>
  );
  const low = `shortest ${formatDuration(heat.edges[0])}`;
  const high = `longest ${formatDuration(heat.edges[heat.rows])}`;
  return (
    <form
      className={styles.form}
      aria-label="Box by numbers"
      onSubmit={(event) => {
        event.preventDefault();
        keep();
      }}
    >
      {field("From", from, setFrom)}
      {field("To", to, setTo)}
      {field("Duration at least", min, setMin, { "data-short": "", placeholder: low })}
      {field("and below", max, setMax, { "data-short": "", placeholder: high })}
      <button type="submit">Keep</button>
      {wrong && (
        <p id={note} className={styles.wrong} role="alert">
          {wrong}
        </p>
      )}
    </form>
  );
}

function readFields(from: string, to: string, min: string, max: string): Cut | string {
  const now = BigInt(Date.now()) * 1_000_000n;
  const start = instant(from.trim(), now);
  const end = instant(to.trim(), now);
  if (start === null || end === null)
    return "A time is written like 2026-11-23T13:42:07Z or now-5m.";
  if (start >= end) return "“From” must be before “To”.";
  const low = readDuration(min);
  const high = readDuration(max);
  if (low === undefined || high === undefined) return "A duration is written like 250ms or 1.5s.";
  if (low !== null && high !== null && low >= high) return "The durations leave nothing between.";
  return { from: start, to: end, min: low, max: high };
}

/** Exact, without the zeros at its end. */
function shortTime(nanos: bigint, zone: string): string {
  return exactTime(nanos, zone).replace(/\.?0+(Z|[+-]\d\d:\d\d)$/, "$1");
}
