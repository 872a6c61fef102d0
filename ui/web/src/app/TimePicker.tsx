import { CalendarClock, ChevronDown, ClipboardPaste, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "../kit/Button";
import { formatTime } from "../kit/format";
import { Input } from "../kit/Input";
import { Popover } from "../kit/Popover";
import { useStore } from "../kit/store";
import { zoneLabel } from "../kit/zone";
import { type TimeRange, useTimeRange } from "./context";
import { parseRange } from "./freetime";
import { bounds, described, type RangeText } from "./range";
import { pickerOpen, useRecentRanges, useTimeSteps } from "./steps";
import styles from "./TimePicker.module.css";

const RELATIVE: [string, string][] = [
  ["now-5m", "5 minutes"],
  ["now-15m", "15 minutes"],
  ["now-30m", "30 minutes"],
  ["now-1h", "1 hour"],
  ["now-3h", "3 hours"],
  ["now-6h", "6 hours"],
  ["now-12h", "12 hours"],
  ["now-1d", "24 hours"],
  ["now-2d", "2 days"],
  ["now-7d", "7 days"],
  ["now-30d", "30 days"],
];

/** The time range, and everything by which it can be chosen. */
export function TimePicker() {
  const range = useTimeRange();
  const open = useStore(pickerOpen);
  const sides = `${formatTime(range.from, range.zone, "s")} – ${formatTime(range.to, range.zone, "s")}`;
  return (
    <Popover
      label="Time range"
      align="end"
      open={open}
      onOpenChange={pickerOpen.set}
      className={styles.picker}
      trigger={
        <Button title={sides} icon={<CalendarClock size={14} aria-hidden />}>
          {range.text}
          <ChevronDown size={14} aria-hidden />
        </Button>
      }
    >
      <Choices range={range} onDone={() => pickerOpen.set(false)} />
    </Popover>
  );
}

function Choices({ range, onDone }: { range: TimeRange; onDone(): void }) {
  const steps = useTimeSteps();
  const recent = useRecentRanges();
  const choose = (next: RangeText) => {
    steps.set(next);
    onDone();
  };
  return (
    <>
      <FreeText range={range} onChoose={choose} />
      <div className={styles.columns}>
        <section aria-labelledby="picker-last">
          <h2 id="picker-last">Last</h2>
          <div className={styles.last}>
            {RELATIVE.map(([from, text]) => (
              <button
                type="button"
                key={from}
                className={styles.choice}
                aria-pressed={range.range.from === from && range.range.to === "now"}
                onClick={() => choose({ from, to: "now" })}
              >
                {text}
              </button>
            ))}
          </div>
        </section>
        <div className={styles.right}>
          <Sides range={range} onChoose={choose} />
          {recent.length > 0 && (
            <section aria-labelledby="picker-recent">
              <h2 id="picker-recent">Recent</h2>
              {recent.map((old) => (
                <button
                  type="button"
                  key={`${old.from} ${old.to}`}
                  className={styles.choice}
                  onClick={() => choose(old)}
                >
                  {described(old, range.now, range.zone)}
                </button>
              ))}
            </section>
          )}
        </div>
      </div>
      <footer className={styles.footer}>
        <span>
          {range.zone} · {zoneLabel(range.zone, Number(range.now / 1_000_000n))}
        </span>
        <Button
          look="quiet"
          icon={<Copy size={14} aria-hidden />}
          onClick={() => void steps.copy()}
        >
          Copy
        </Button>
        <Button
          look="quiet"
          icon={<ClipboardPaste size={14} aria-hidden />}
          onClick={async () => {
            if (await steps.paste()) onDone();
          }}
        >
          Paste
        </Button>
      </footer>
    </>
  );
}

interface PartProps {
  range: TimeRange;
  onChoose(range: RangeText): void;
}

/** `yesterday 14:00`, with what it means beneath. */
function FreeText({ range, onChoose }: PartProps) {
  const [text, setText] = useState("");
  const meant = text.trim() === "" ? null : parseRange(text, range.now, range.zone);
  const sides = meant && bounds(meant, range.now);
  return (
    <form
      className={styles.free}
      onSubmit={(event) => {
        event.preventDefault();
        if (meant) onChoose(meant);
      }}
    >
      <Input
        label="Type a time range"
        placeholder="last 90m · yesterday 14:00 · 10:00 to 11:00"
        value={text}
        aria-describedby="picker-meant"
        aria-invalid={text.trim() !== "" && !meant}
        autoFocus
        onChange={(event) => setText(event.target.value)}
      />
      <p id="picker-meant" className={styles.meant} role="status">
        {sides
          ? `${formatTime(sides.from, range.zone, "s")} – ${formatTime(sides.to, range.zone, "s")} ↵`
          : text.trim() === ""
            ? "Words, times, or a pasted range or address"
            : "Not understood yet"}
      </p>
    </form>
  );
}

/** Both ends as text, in the zone that is shown. */
function Sides({ range, onChoose }: PartProps) {
  const [from, setFrom] = useState(() => formatTime(range.from, range.zone, "s"));
  const [to, setTo] = useState(() =>
    range.range.to === "now" ? "now" : formatTime(range.to, range.zone, "s"),
  );
  const meant = parseRange(`${from} to ${to}`, range.now, range.zone);
  return (
    <form
      className={styles.sides}
      aria-label="From and to"
      onSubmit={(event) => {
        event.preventDefault();
        if (meant) onChoose(meant);
      }}
    >
      <span>From</span>
      <Input label="From" value={from} mono onChange={(event) => setFrom(event.target.value)} />
      <span>To</span>
      <Input label="To" value={to} mono onChange={(event) => setTo(event.target.value)} />
      <Button type="submit" look="primary" disabled={!meant}>
        Apply
      </Button>
    </form>
  );
}
