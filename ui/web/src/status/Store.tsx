/** What is kept: tables on disk, rows in memory, the write-ahead log, room that is left. */
import type { Status } from "../api/types";
import { exactTime, formatAgo, formatBytes, formatCompact, formatCount } from "../kit/format";
import styles from "./Page.module.css";

export function Store({ status, now }: { status: Status; now: bigint }) {
  const { store, tables, settings } = status;
  if (!store) return <p className={styles.quiet}>The data directory is being opened.</p>;
  return (
    <>
      {tables && tables.length > 0 && (
        <section
          className={styles.scroll}
          aria-label="Tables"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region takes keys
          tabIndex={0}
        >
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">Table</th>
                <th scope="col" data-figure>
                  Rows
                </th>
                <th scope="col" data-figure>
                  Files
                </th>
                <th scope="col" data-figure>
                  Bytes
                </th>
                <th scope="col" data-figure>
                  B/row
                </th>
              </tr>
            </thead>
            <tbody>
              {tables.map(({ name, rows, parts, bytes, oldest, newest }) => (
                <tr
                  key={name}
                  title={
                    oldest && newest ? `${exactTime(oldest)} – ${exactTime(newest)}` : undefined
                  }
                >
                  <th scope="row">
                    {name}
                    <span className={styles.span}>
                      {oldest && newest
                        ? `${formatAgo(oldest, now)} – ${formatAgo(newest, now)}`
                        : "no files"}
                    </span>
                  </th>
                  <td data-figure title={formatCount(rows)}>
                    {formatCompact(rows)}
                  </td>
                  <td data-figure>{formatCount(parts)}</td>
                  <td data-figure>{formatBytes(bytes)}</td>
                  <td data-figure>{perRow(rows, bytes, store.buffer_rows)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <dl className={styles.facts}>
        <Fact
          name="In files"
          value={`${formatCompact(store.part_rows)} rows · ${formatBytes(store.part_bytes)} · ${formatCount(store.parts)} files`}
        />
        <Fact
          name="In memory"
          value={`${formatCompact(store.buffer_rows)} rows · ${formatBytes(store.buffer_bytes)}`}
        />
        <Fact
          name="Write-ahead log"
          value={`${formatBytes(store.wal_bytes)} · ${formatCount(store.wal_position - store.flushed_position)} requests not in files yet`}
        />
        <Fact name="Disk free" value={formatBytes(store.disk_free_bytes)} />
        <Fact
          name="Remembered requests"
          value={`${formatCount(store.dedup_entries)}, so that a repeat is not stored twice`}
        />
        {retentions(settings).map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
      </dl>
    </>
  );
}

/** Bytes of files over rows: meaningful once nearly all rows are in files. */
function perRow(rows: number, bytes: number, buffered: number): string {
  return rows === 0 || bytes === 0 || buffered > rows / 20 ? "–" : (bytes / rows).toFixed(1);
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** How long each signal is kept. */
function retentions(settings: Status["settings"]): [string, string][] {
  const named = Object.entries(settings ?? {}).filter(([key]) => key.startsWith("retention_"));
  return named.map(([key, value]): [string, string] => {
    const what = key.replace("retention_", "");
    if (what !== "bytes") {
      const name = `${what[0]?.toUpperCase()}${what.slice(1)} kept`;
      // `30days 2h` as the settings have it.
      return [name, String(value).replace(/(\d)([a-z])/g, "$1 $2")];
    }
    return ["Size limit", Number(value) === 0 ? "none" : formatBytes(Number(value))];
  });
}
