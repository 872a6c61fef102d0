/** Who sends what, how fast, and how long ago the last came. */
import { Empty } from "../kit/Empty";
import { formatAgo, formatCount, formatRate } from "../kit/format";
import { Panel } from "../kit/Panel";
import { ServiceTick, StatusBadge } from "../kit/Values";
import type { SourceRate } from "./live";
import styles from "./Page.module.css";

const SILENT_NS = 300_000_000_000n;
const SHOWN = 200;

export function Sources({ sources, now }: { sources: SourceRate[]; now: bigint }) {
  return (
    <Panel
      title="Sources"
      flush
      actions={sources.length > 0 && <span className={styles.quiet}>since the server's start</span>}
      empty={
        sources.length === 0 && (
          <Empty
            title="No source yet"
            detail="Each service that sends something since the server's start has a line here."
          />
        )
      }
    >
      <section
        className={styles.scroll}
        aria-label="Sources"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region takes keys
        tabIndex={0}
      >
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Signal</th>
              <th scope="col" data-figure>
                Records/s
              </th>
              <th scope="col" data-figure>
                Records
              </th>
              <th scope="col" data-figure>
                Requests
              </th>
              <th scope="col" data-figure>
                Last
              </th>
            </tr>
          </thead>
          <tbody>
            {sources.slice(0, SHOWN).map((source) => {
              const silent = now - BigInt(source.last) > SILENT_NS;
              return (
                <tr key={`${source.signal} ${source.service}`}>
                  <th scope="row">
                    <ServiceTick name={source.service ?? ""} />
                  </th>
                  <td>{source.signal}</td>
                  <td data-figure>{source.rate === null ? "–" : formatRate(source.rate)}</td>
                  <td data-figure>{formatCount(source.records)}</td>
                  <td data-figure>{formatCount(source.requests)}</td>
                  <td data-figure>
                    {silent ? (
                      <StatusBadge status="warn" text={formatAgo(source.last, now)} />
                    ) : (
                      formatAgo(source.last, now)
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      {sources.length > SHOWN && (
        <p className={styles.more}>and {formatCount(sources.length - SHOWN)} more</p>
      )}
    </Panel>
  );
}
