/** The labels of a metric with how many values each has: a click groups, a value filters. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { metricKeysQuery } from "../api/queries";
import type { MetricKeysAnswer, Range } from "../api/types";
import { Empty } from "../kit/Empty";
import { formatCompact, formatCount, visible } from "../kit/format";
import { Panel, panelState } from "../kit/Panel";
import styles from "./Detail.module.css";

type Props = {
  name: string;
  range: Range;
  group: string[];
  filter: string[];
  onGroup(key: string): void;
  onFilter(condition: string): void;
};

export function Breakdown({ name, range, group, filter, onGroup, onFilter }: Props) {
  const answer = useQuery(metricKeysQuery({ ...range, name }));
  const keys = (answer.data?.keys ?? []).toSorted(
    (a, b) => rank(a) - rank(b) || b.values_count - a.values_count,
  );
  const most = Math.max(1, ...keys.map((key) => key.values_count));
  const none = answer.data !== undefined && keys.length === 0;
  return (
    <Panel
      title="Labels"
      flush
      {...panelState(answer)}
      empty={none && <Empty title="No labels" detail="All points of this metric are one series." />}
    >
      {answer.data && (
        <ul className={styles.labels}>
          {keys.map((key) => (
            <Label
              key={`${key.level} ${key.key}`}
              label={key}
              most={most}
              grouped={group.includes(key.key)}
              filter={filter}
              onGroup={onGroup}
              onFilter={onFilter}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

type Key = MetricKeysAnswer["keys"][number];

/** A label with one value tells nothing apart: it comes last. */
function rank(key: Key): number {
  return key.values_count > 1 ? 0 : 1;
}

type LabelProps = {
  label: Key;
  most: number;
  grouped: boolean;
  filter: string[];
  onGroup(key: string): void;
  onFilter(condition: string): void;
};

function Label({ label, most, grouped, filter, onGroup, onFilter }: LabelProps) {
  const [open, setOpen] = useState(false);
  const { key, level, values_count, top } = label;
  const greatest = Math.max(1, ...top.map(({ count }) => count));
  return (
    <li>
      <div className={styles.label}>
        <button
          type="button"
          className={styles.twist}
          aria-expanded={open}
          aria-label={`Values of ${key}`}
          onClick={() => setOpen(!open)}
        >
          <ChevronRight size={14} aria-hidden />
        </button>
        <button
          type="button"
          className={styles.key}
          aria-pressed={grouped}
          title={grouped ? "Stop grouping" : `One series for each ${key}`}
          onClick={() => onGroup(key)}
        >
          <bdi>{visible(key)}</bdi>
          {level !== "point" && <span>{level}</span>}
        </button>
        <span className={styles.bar} aria-hidden>
          <span style={{ width: `${(Math.log1p(values_count) / Math.log1p(most)) * 100}%` }} />
        </span>
        <span className={styles.number}>
          {formatCount(values_count)} <span className="hidden-text">values</span>
        </span>
      </div>
      {open && (
        <ul className={styles.values}>
          {top.map(({ value, count }) => {
            const condition = `${key}=${value}`;
            return (
              <li key={value}>
                <button
                  type="button"
                  aria-pressed={filter.includes(condition)}
                  title={condition}
                  onClick={() => onFilter(condition)}
                >
                  <bdi>{visible(value) || "(empty)"}</bdi>
                  <span className={styles.bar} aria-hidden>
                    <span style={{ width: `${(count / greatest) * 100}%` }} />
                  </span>
                  <span className={styles.number}>{formatCompact(count)}</span>
                </button>
              </li>
            );
          })}
          {values_count > top.length && (
            <li className={styles.rest}>and {formatCount(values_count - top.length)} more</li>
          )}
        </ul>
      )}
    </li>
  );
}
