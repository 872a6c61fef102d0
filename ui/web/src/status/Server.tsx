/** The process: version, ports, memory, processor time, settings that matter. */
import { useEffect, useRef, useState } from "react";
import type { Status } from "../api/types";
import { formatBytes, formatPercent } from "../kit/format";
import { Copy, StatusBadge } from "../kit/Values";
import { uptime } from "./answer";
import styles from "./Page.module.css";

/** The share of one core that was used between the last two figures. */
function useCpu(status: Status): number | null {
  const [share, setShare] = useState<number | null>(null);
  const before = useRef<{ cpu: number; at: number } | null>(null);
  const cpu = status.process?.cpu_seconds ?? null;
  useEffect(() => {
    if (cpu === null) return;
    const at = performance.now() / 1000;
    const old = before.current;
    before.current = { cpu, at };
    if (old !== null && at - old.at > 0.5) setShare(Math.max(0, cpu - old.cpu) / (at - old.at));
  }, [cpu]);
  return share;
}

export function Server({ status }: { status: Status }) {
  const cpu = useCpu(status);
  const { process } = status;
  return (
    <dl className={styles.facts}>
      <Fact name="State">
        {status.ready ? (
          <StatusBadge status="ok" text="ready" />
        ) : (
          <StatusBadge status="error" text={status.reason ?? "not ready"} />
        )}
      </Fact>
      <Fact name="Version">{status.version}</Fact>
      <Fact name="Up">{uptime(status.uptime_seconds)}</Fact>
      <Port name="OTLP/gRPC" address={status.otlp_grpc} />
      <Port name="OTLP/HTTP" address={`http://${status.otlp_http}`} />
      <Port name="UI and API" address={`http://${status.http}`} />
      {process?.rss_bytes != null && <Fact name="Memory">{formatBytes(process.rss_bytes)}</Fact>}
      {process?.cpu_seconds != null && (
        <Fact name="Processor">
          {cpu === null ? "" : `${formatPercent(cpu)} of a core · `}
          {uptime(process.cpu_seconds)} since the start
        </Fact>
      )}
      {process?.threads != null && <Fact name="Threads">{process.threads}</Fact>}
      {status.data_dir !== undefined && (
        <Fact name="Data">
          <code>{status.data_dir}</code>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Port({ name, address }: { name: string; address: string }) {
  return (
    <Fact name={name}>
      <code>{address}</code>
      <Copy value={address} label={`Copy the address of ${name}`} />
    </Fact>
  );
}
