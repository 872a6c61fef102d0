/** Records a second of each signal over the last two minutes, live. */
import { useMemo } from "react";
import { useTimeRange } from "../app/context";
import { formatBytes, formatClock, formatCompact, formatRate } from "../kit/format";
import { Panel } from "../kit/Panel";
import { TimeChart } from "../kit/TimeChart";
import { ratesOf, recentRate, SIGNALS, WINDOW_SECONDS } from "./live";
import styles from "./Page.module.css";
import type { Live } from "./useLive";

const COLOURS = { spans: "svc-7", logs: "svc-2", metrics: "svc-6" } as const;

export function Ingest({ live, now }: { live: Live; now: number }) {
  const totals = live.arrived?.totals;
  return (
    <Panel
      title="Arriving"
      actions={
        totals && (
          <span className={styles.quiet}>
            {formatCompact(totals.requests)} requests · {formatBytes(totals.bytes)} ·{" "}
            {formatCompact(totals.duplicates)} sent twice · {formatCompact(totals.rejected)} refused
          </span>
        )
      }
    >
      <div className={styles.signals}>
        {SIGNALS.map(({ key, name }) => (
          <SignalChart key={key} signal={key} name={name} live={live} now={now} />
        ))}
      </div>
    </Panel>
  );
}

type ChartProps = { signal: keyof typeof COLOURS; name: string; live: Live; now: number };

function SignalChart({ signal, name, live, now }: ChartProps) {
  const { zone } = useTimeRange();
  const values = useMemo(() => ratesOf(live.samples, signal, now), [live.samples, signal, now]);
  const x = useMemo(() => {
    const end = Math.floor(now / 1000);
    return values.map((_, index) => (end - WINDOW_SECONDS + 1 + index) * 1000);
  }, [values, now]);
  const series = useMemo(
    () => [{ name: `${name} a second`, values, color: COLOURS[signal] }],
    [name, values, signal],
  );
  const formatX = useMemo(
    () => (ms: number) => formatClock(BigInt(ms) * 1_000_000n, zone, "s"),
    [zone],
  );
  const rate = recentRate(values);
  const total = live.arrived?.totals[signal];
  return (
    <div className={styles.signal}>
      <h3>{name}</h3>
      <p className={styles.rate}>
        {rate === null ? "–" : formatRate(rate)}
        <span>/s</span>
      </p>
      <p className={styles.quiet}>
        {total === undefined ? "waiting for the server" : `${formatCompact(total)} since the start`}
      </p>
      <TimeChart
        label={`${name} a second, the last two minutes`}
        x={x}
        series={series}
        kind="area"
        height={104}
        zone={zone}
        formatX={formatX}
        formatY={formatRate}
        syncKey="ingest"
      />
    </div>
  );
}
