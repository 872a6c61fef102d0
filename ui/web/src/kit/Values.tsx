/** Small pieces of text that are the same on every page. */
import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { useTimeRange } from "../app/context";
import { IconButton } from "./Button";
import { cx } from "./cx";
import {
  type Digits,
  exactDuration,
  exactTime,
  formatClock,
  formatDuration,
  formatTime,
  visible,
} from "./format";
import { slotHatched, slotOf, slotToken, useSlots } from "./services";
import styles from "./Values.module.css";

interface TickProps {
  name: string;
  slot: number;
}

/** The colour of a service as a bar, and its name; the slot is looked up when it is not given. */
export function ServiceTick({ name, slot }: { name: string; slot?: number | undefined }) {
  return slot === undefined ? <LookedUp name={name} /> : <Tick name={name} slot={slot} />;
}

function LookedUp({ name }: { name: string }) {
  return <Tick name={name} slot={slotOf(useSlots(), name)} />;
}

function Tick({ name, slot }: TickProps) {
  return (
    <span className={styles.service}>
      <span
        className={cx(styles.tick, slotHatched(slot) && styles.hatched)}
        style={{ "--tick": `var(--${slotToken(slot)})` } as React.CSSProperties}
      />
      <bdi className={styles.name}>{name === "" ? "(no service)" : visible(name)}</bdi>
    </span>
  );
}

/** A duration in ns; every nanosecond on hover. */
export function Duration({ nanos }: { nanos: number | bigint | null | undefined }) {
  return <span title={exactDuration(nanos)}>{formatDuration(nanos)}</span>;
}

interface TimeProps {
  /** Unix ns. */
  nanos: string | bigint;
  digits?: Digits;
  /** With the day. */
  day?: boolean;
}

/** A time in the zone of the address; every nanosecond on hover. */
export function Time({ nanos, digits = "ms", day = false }: TimeProps) {
  const { zone } = useTimeRange();
  const exact = exactTime(nanos, zone);
  return (
    <time dateTime={exact} title={exact} className={styles.time}>
      {day ? formatTime(nanos, zone, digits) : formatClock(nanos, zone, digits)}
    </time>
  );
}

export type Badge = "error" | "warn" | "ok" | "unset";
const MARKS: Record<Badge, string> = { error: "⬢", warn: "▲", ok: "✓", unset: "" };

/** Shape, word and colour: never colour alone. */
export function StatusBadge({ status, text }: { status: Badge; text?: string }) {
  return (
    <span className={cx(styles.badge, styles[status])}>
      {MARKS[status] && <span aria-hidden>{MARKS[status]}</span>}
      {text ?? status}
    </span>
  );
}

interface CopyProps {
  value: string;
  label?: string;
  tabIndex?: 0 | -1;
}

/** Puts `value` on the clipboard. */
export function Copy({ value, label = "Copy", tabIndex }: CopyProps) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <IconButton
      label={done ? "Copied" : label}
      icon={done ? <Check size={14} aria-hidden /> : <CopyIcon size={14} aria-hidden />}
      className={styles.copy}
      data-act="copy"
      tabIndex={tabIndex}
      onClick={() => {
        copyText(value).then(setDone);
      }}
    />
  );
}

/** Whether `value` is on the clipboard now; works without a secure context too. */
export async function copyText(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = value;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
