/** All metrics of the range: searched and sorted here, as cards or as a table. */
import { LayoutGrid, List, Search } from "lucide-react";
import { useDeferredValue, useMemo } from "react";
import type { Metric, Range } from "../api/types";
import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { formatCount, plural } from "../kit/format";
import { Input } from "../kit/Input";
import styles from "./Catalogue.module.css";
import { chosen, indexed, typeCounts } from "./catalogue";
import { MetricGrid } from "./MetricGrid";
import { MetricList } from "./MetricList";
import type { MetricsSearch } from "./search";
import { readSort } from "./series";
import { useTyped } from "./typed";

type Props = {
  metrics: Metric[];
  search: MetricsSearch;
  range: Range;
  now: bigint;
  onChange(part: MetricsSearch, push: boolean): void;
};

/** The metrics that have the words of `text`, as the address filters and sorts them. */
export function useChosen(metrics: Metric[], text: string, search: MetricsSearch): Metric[] {
  const entries = useMemo(() => indexed(metrics), [metrics]);
  const words = useDeferredValue(text);
  const { type = "", sort } = search;
  return useMemo(
    () => chosen(entries, { search: words, type, ...readSort(sort) }),
    [entries, words, type, sort],
  );
}

export function Catalogue({ metrics, search, range, now, onChange }: Props) {
  const [typed, type] = useTyped(search.search ?? "", (text) =>
    onChange({ search: text || undefined }, false),
  );
  const shown = useChosen(metrics, typed, search);
  const view = search.view ?? "grid";
  return (
    <div className={styles.catalogue}>
      <div className={styles.tools}>
        <Input
          label="Find a metric"
          placeholder="Find a metric by name, unit, service or description"
          icon={<Search size={14} aria-hidden />}
          className={styles.find}
          data-query
          value={typed}
          onChange={(event) => type(event.target.value)}
        />
        <TypeFilter
          metrics={metrics}
          type={search.type}
          onType={(type) => onChange({ type }, true)}
        />
        <span className={styles.count} aria-live="polite">
          {shown.length === metrics.length
            ? plural(metrics.length, "metric")
            : `${formatCount(shown.length)} of ${plural(metrics.length, "metric")}`}
        </span>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's */}
        <div className={styles.views} role="group" aria-label="Show as">
          <Button
            icon={<LayoutGrid size={14} aria-hidden />}
            aria-pressed={view === "grid"}
            onClick={() => onChange({ view: undefined }, false)}
          >
            Charts
          </Button>
          <Button
            icon={<List size={14} aria-hidden />}
            aria-pressed={view === "list"}
            onClick={() => onChange({ view: "list" }, false)}
          >
            List
          </Button>
        </div>
      </div>
      {shown.length === 0 ? (
        <Empty
          title="No metric has these words"
          detail="The search looks at names, units, types, services and descriptions."
        />
      ) : view === "grid" ? (
        <MetricGrid metrics={shown} range={range} />
      ) : (
        <MetricList
          metrics={shown}
          sort={search.sort}
          now={now}
          onSort={(sort) => onChange({ sort }, false)}
        />
      )}
    </div>
  );
}

type TypeProps = {
  metrics: Metric[];
  type: string | undefined;
  onType(type: string | undefined): void;
};

function TypeFilter({ metrics, type, onType }: TypeProps) {
  const counts = useMemo(() => typeCounts(metrics), [metrics]);
  if (counts.length < 2) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's
    <div className={styles.types} role="group" aria-label="Type">
      {counts.map(([name, count]) => (
        <button
          key={name}
          type="button"
          aria-pressed={type === name}
          onClick={() => onType(type === name ? undefined : name)}
        >
          {name.replace("_", " ")} <span>{formatCount(count)}</span>
        </button>
      ))}
    </div>
  );
}
