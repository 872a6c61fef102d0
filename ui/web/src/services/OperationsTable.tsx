import type { Operation } from "../api/types";
import { useFollowLinks, useHrefs } from "../app/links";
import { errorShare, narrowed } from "../home/model";
import table from "../home/ServicesTable.module.css";
import { cx } from "../kit/cx";
import { quoted } from "../kit/filterterms";
import { formatCount, formatPercent, visible } from "../kit/format";
import { onGridKey } from "../kit/gridkeys";
import { Duration } from "../kit/Values";
import styles from "./Page.module.css";

const HEADS = ["Operation", "Kind", "Requests", "Errors", "p50", "p95", "p99"];
const TEXTS = 2;

/** What one service does; each row leads to its traces. */
export function OperationsTable({
  operations,
  q,
}: {
  operations: Operation[];
  q?: string | undefined;
}) {
  const follow = useFollowLinks();
  const hrefOf = useHrefs();
  return (
    <div className={styles.scroll}>
      <table
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: keys move in it
        role="grid"
        aria-label="Operations"
        className={cx(table.table, styles.table)}
        onKeyDown={onGridKey}
        onClick={follow}
      >
        <thead>
          <tr>
            {HEADS.map((head, at) => (
              <th key={head} scope="col" className={cx(at >= TEXTS && table.number)}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {operations.map((operation) => (
            <Row
              key={`${operation.kind} ${operation.name}`}
              operation={operation}
              q={q}
              hrefOf={hrefOf}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  operation: Operation;
  q: string | undefined;
  hrefOf: ReturnType<typeof useHrefs>;
}

function Row({ operation, q, hrefOf }: RowProps) {
  const { service, name, kind, requests, errors } = operation;
  const own = narrowed(q, `service:${quoted(service)}`, `name:${quoted(name)}`);
  const share = errorShare(operation);
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf("/traces", { q: own })} className={table.name} title={visible(name)}>
          <bdi className={styles.name}>{visible(name)}</bdi>
        </a>
      </th>
      <td className={styles.kind}>{kind}</td>
      <td className={table.number}>{formatCount(requests)}</td>
      <td className={cx(table.number, errors > 0 && table.failing)}>
        {errors > 0 ? (
          <a
            href={hrefOf("/traces", { q: narrowed(own, "status:error") })}
            className={table.figure}
            title={`${formatCount(errors)} errors`}
          >
            <span aria-hidden>⬢</span>
            {formatPercent(share)}
          </a>
        ) : (
          formatPercent(0)
        )}
      </td>
      {(["p50", "p95", "p99"] as const).map((key) => (
        <td key={key} className={table.number}>
          <Duration nanos={operation[key]} />
        </td>
      ))}
    </tr>
  );
}
