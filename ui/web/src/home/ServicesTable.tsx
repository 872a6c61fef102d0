import { ArrowDown, ArrowUp } from "lucide-react";
import { memo, useDeferredValue, useMemo } from "react";
import type { Service } from "../api/types";
import { useFollowLinks, useHrefs } from "../app/links";
import { cx } from "../kit/cx";
import { quoted } from "../kit/filterterms";
import { formatCount, formatPercent, formatRate, visible } from "../kit/format";
import { onGridKey } from "../kit/gridkeys";
import { Duration, ServiceTick } from "../kit/Values";
import {
  type Direction,
  deltasOf,
  durationText,
  errorShare,
  firstDirection,
  narrowed,
  pointsText,
  ratioText,
  sorted,
} from "./model";
import styles from "./ServicesTable.module.css";
import { Sparkline } from "./Sparkline";
import type { ServiceColumn } from "./search";

interface Props {
  services: readonly Service[];
  q: string | undefined;
  by: ServiceColumn;
  direction: Direction;
  onSort(by: ServiceColumn, direction: Direction): void;
}

const COLUMNS: [ServiceColumn, string, string?][] = [
  ["name", "Service"],
  ["rate", "Requests/s", "Requests a second, and against the period before"],
  ["errors", "Errors", "Share of requests that failed, and points against the period before"],
  ["p50", "p50"],
  ["p95", "p95", "Against the period before"],
  ["p99", "p99"],
];

/** Share of errors from which a service is marked. */
const FAILING = 0.01;

/** One row a service; each figure leads to the traces behind it. */
export function ServicesTable({ services, q, by, direction, onSort }: Props) {
  const follow = useFollowLinks();
  const hrefOf = useHrefs();
  const shown = useDeferredValue(services);
  const rows = useMemo(() => sorted(shown, by, direction), [shown, by, direction]);
  const head = (column: ServiceColumn, text: string, title?: string) => (
    <Head
      key={column}
      text={text}
      title={title}
      sorted={column === by ? direction : null}
      left={column === "name" || column === "version" || column === "change"}
      onSort={() =>
        onSort(
          column,
          column === by ? (direction === "asc" ? "desc" : "asc") : firstDirection(column),
        )
      }
    />
  );
  return (
    <table
      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: keys move in it
      role="grid"
      aria-label="Services"
      aria-rowcount={rows.length + 1}
      className={styles.table}
      onKeyDown={onGridKey}
      onClick={follow}
    >
      <thead>
        <tr>
          {COLUMNS.map(([column, text, title]) => head(column, text, title))}
          {head("change", "Trend", "Sorts by what became worse")}
          {head("version", "Version")}
        </tr>
      </thead>
      <tbody>
        {rows.map((service) => (
          <Row key={service.name} service={service} q={q} hrefOf={hrefOf} />
        ))}
      </tbody>
    </table>
  );
}

interface HeadProps {
  text: string;
  title: string | undefined;
  sorted: Direction | null;
  left: boolean;
  onSort(): void;
}

function Head({ text, title, sorted: direction, left, onSort }: HeadProps) {
  const Arrow = direction === "asc" ? ArrowUp : ArrowDown;
  return (
    <th
      scope="col"
      aria-sort={direction === null ? undefined : direction === "asc" ? "ascending" : "descending"}
      className={cx(!left && styles.number)}
    >
      <button type="button" title={title} onClick={onSort}>
        {text}
        <Arrow size={12} aria-hidden data-on={direction !== null || undefined} />
      </button>
    </th>
  );
}

interface RowProps {
  service: Service;
  q: string | undefined;
  hrefOf: ReturnType<typeof useHrefs>;
}

const Row = memo(function Row({ service, q, hrefOf }: RowProps) {
  const { name, requests, errors, p50, p95, p99 } = service;
  const delta = deltasOf(service);
  const failing = errorShare(service) >= FAILING;
  const own = `service:${quoted(name)}`;
  const traces = (terms: string[], more: object = {}) =>
    hrefOf("/traces", { q: narrowed(q, own, ...terms), ...more });
  const slower = (nanos: number | null) => (
    <Figure
      href={traces(nanos === null ? [] : [`duration>=${durationText(nanos)}`], { sort: "longest" })}
    >
      <Duration nanos={nanos} />
    </Figure>
  );
  return (
    <tr>
      <th scope="row">
        <a
          href={hrefOf("/services", { service: name })}
          className={styles.name}
          title={visible(name)}
        >
          <ServiceTick name={name} slot={service.slot} />
        </a>
      </th>
      <td className={styles.number}>
        <Figure href={traces([])} title={`${formatCount(requests)} requests`}>
          {formatRate(service.rate)}
        </Figure>
        <Delta text={ratioText(delta.rate)} />
      </td>
      <td className={cx(styles.number, failing && styles.failing)}>
        <Figure href={traces(["status:error"])} title={`${formatCount(errors)} errors`}>
          {failing && <span aria-hidden>⬢</span>}
          {formatPercent(errorShare(service))}
        </Figure>
        <Delta text={pointsText(delta.errors)} bad={(delta.errors ?? 0) > 0} />
      </td>
      <td className={styles.number}>{slower(p50)}</td>
      <td className={styles.number}>
        {slower(p95)}
        <Delta text={ratioText(delta.p95)} bad={(delta.p95 ?? 1) > 1} />
      </td>
      <td className={styles.number}>{slower(p99)}</td>
      <td>
        <Sparkline service={service} />
      </td>
      <td className={styles.version}>
        <bdi title={service.version ?? undefined}>
          {service.version ? visible(service.version) : "–"}
        </bdi>
      </td>
    </tr>
  );
});

interface FigureProps {
  href: string;
  title?: string;
  children: React.ReactNode;
}

function Figure({ href, title, children }: FigureProps) {
  return (
    <a href={href} tabIndex={-1} title={title} className={styles.figure}>
      {children}
    </a>
  );
}

/** What changed; worse and better are told by sign and colour. */
function Delta({ text, bad }: { text: string; bad?: boolean }) {
  return (
    <small className={cx(styles.delta, bad !== undefined && (bad ? styles.bad : styles.good))}>
      {text}
    </small>
  );
}
