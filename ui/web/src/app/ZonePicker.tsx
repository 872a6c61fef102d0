import { useState } from "react";
import { Button } from "../kit/Button";
import { Input } from "../kit/Input";
import { Popover } from "../kit/Popover";
import { localZone, zoneLabel } from "../kit/zone";
import { useSetContext, useTimeRange } from "./context";
import styles from "./ZonePicker.module.css";

const SHOWN_MAX = 40;

/** The zone in which times are shown. */
export function ZonePicker() {
  const [open, setOpen] = useState(false);
  const { zone, now } = useTimeRange();
  const ms = Number(now / 1_000_000n);
  return (
    <Popover
      label="Time zone"
      align="end"
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button look="quiet" title={zone}>
          <span className="hidden-text">Time zone: </span>
          {zoneLabel(zone, ms)}
        </Button>
      }
    >
      <Zones current={zone} ms={ms} onDone={() => setOpen(false)} />
    </Popover>
  );
}

interface ZonesProps {
  current: string;
  ms: number;
  onDone(): void;
}

function Zones({ current, ms, onDone }: ZonesProps) {
  const setContext = useSetContext();
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase().replaceAll(" ", "_");
  const zones = [...new Set([localZone(), "UTC", ...Intl.supportedValuesOf("timeZone")])]
    .filter((zone) => zone.toLowerCase().includes(wanted))
    .slice(0, SHOWN_MAX);
  const choose = (zone: string) => {
    setContext({ tz: zone === localZone() ? undefined : zone });
    onDone();
  };
  return (
    <form
      className={styles.zones}
      onSubmit={(event) => {
        event.preventDefault();
        if (zones[0]) choose(zones[0]);
      }}
    >
      <Input
        label="Find a time zone"
        placeholder="Berlin, New York, UTC"
        value={text}
        autoFocus
        onChange={(event) => setText(event.target.value)}
      />
      <div className={styles.list}>
        {zones.map((zone) => (
          <button
            type="button"
            key={zone}
            className={styles.zone}
            aria-pressed={zone === current}
            onClick={() => choose(zone)}
          >
            <span>
              {zone}
              {zone === localZone() && <small> this browser</small>}
            </span>
            <small>{zoneLabel(zone, ms)}</small>
          </button>
        ))}
        {zones.length === 0 && <p>No such zone</p>}
      </div>
    </form>
  );
}
