import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { announce } from "../app/announce";
import { formatCount, plural } from "../kit/format";
import { ServiceTick } from "../kit/Values";
import { type Arrival, recordsWord } from "./arrivals";
import styles from "./Guide.module.css";
import { useReady } from "./useReady";

const SHOWN_MAX = 6;

interface Props {
  arrivals: readonly Arrival[];
  /** Called when the services are wanted. */
  onServices: (() => void) | undefined;
}

/** What came in so far, and the pages that can show it. */
export function Waiting({ arrivals, onServices }: Props) {
  const ready = useReady(arrivals);
  const any = arrivals.length > 0;
  const shown = ready.traces || ready.logs || ready.metrics;
  const records = arrivals.reduce((sum, arrival) => sum + arrival.records, 0);
  useEffect(() => {
    if (any) announce("Data is arriving");
  }, [any]);
  return (
    <div className={styles.live} data-on={any || undefined}>
      <p className={styles.pulse}>
        <span className={styles.dot} aria-hidden />
        {any ? `${plural(records, "record")} received` : "Waiting for the first data…"}
      </p>
      {any && (
        <ul className={styles.arrivals}>
          {arrivals.slice(0, SHOWN_MAX).map(({ service, signal, records: count }) => (
            <li key={`${signal} ${service}`}>
              <span>
                {formatCount(count)} {recordsWord(signal, count)}
              </span>
              <ServiceTick name={service} />
            </li>
          ))}
          {arrivals.length > SHOWN_MAX && <li>and {arrivals.length - SHOWN_MAX} more sources</li>}
        </ul>
      )}
      {any && (
        <p className={styles.onward}>
          {!shown && <span>Getting the pages ready…</span>}
          {ready.traces && (
            <Link to="/traces" search={LATELY}>
              See the traces
            </Link>
          )}
          {ready.logs && (
            <Link to="/logs" search={LATELY}>
              See the logs
            </Link>
          )}
          {ready.metrics && (
            <Link to="/metrics" search={LATELY}>
              See the metrics
            </Link>
          )}
          {ready.traces && (
            <Link to="/" search={LATELY} onClick={onServices}>
              See the services
            </Link>
          )}
        </p>
      )}
    </div>
  );
}

const LATELY = { from: "now-1h", to: "now", q: undefined };
