/** One metric: its chart, what its series are called, its labels and its exemplars. */
import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, X } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { metricSeriesQuery } from "../api/queries";
import type { Metric, Range } from "../api/types";
import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { formatCount, plural, visible } from "../kit/format";
import { Panel, panelState } from "../kit/Panel";
import { Select } from "../kit/Select";
import { Copy } from "../kit/Values";
import { Breakdown } from "./Breakdown";
import styles from "./Detail.module.css";
import { Exemplars } from "./Exemplars";
import { heatOf } from "./heat";
import { Legend } from "./Legend";
import { MetricChart } from "./MetricChart";
import { Names } from "./Names";
import type { MetricsSearch } from "./search";
import { AGGREGATIONS, type Aggregation, aggregationsFor, toggled, typeName } from "./series";

type Props = {
  name: string;
  metrics: Metric[];
  search: MetricsSearch;
  range: Range;
  onChange(part: MetricsSearch, push: boolean): void;
};

const STEPS = 160;
const SERIES_MAX = 50;
const NO_TEXTS: string[] = [];

export function Detail({ name, metrics, search, range, onChange }: Props) {
  const { agg = "auto", group = NO_TEXTS, filter = NO_TEXTS, log = false } = search;
  const metric = metrics.find((each) => each.name === name);
  const answer = useQuery(
    metricSeriesQuery({ ...range, name, agg, group, filter, steps: STEPS, limit: SERIES_MAX }),
  );
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const shape = JSON.stringify([name, agg, group, filter]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other series begin all shown
  useEffect(() => setHidden(new Set()), [shape]);

  const { data } = answer;
  const choices = useMemo(() => {
    const offered =
      metric === undefined ? [...AGGREGATIONS] : aggregationsFor(metric.type, metric.monotonic);
    const all = offered.includes(agg) ? offered : [...offered, agg];
    return all.map((value) => ({
      value,
      text: value === "auto" && data ? `auto (${data.agg})` : value,
    }));
  }, [metric, agg, data]);

  const onFilter = (text: string) => onChange({ filter: none(toggled(filter, text)) }, true);
  const onGroup = (key: string) => onChange({ group: none(toggled(group, key)) }, true);
  const close = () =>
    onChange(
      { metric: undefined, agg: undefined, group: undefined, filter: undefined, log: undefined },
      true,
    );
  const empty = data !== undefined && data.series.length === 0;

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape leads back to the catalogue
    <div
      className={styles.detail}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) close();
      }}
    >
      <Names metrics={metrics} search={search} current={name} onClose={close} />
      <div className={styles.main}>
        <header className={styles.title}>
          <Button
            look="quiet"
            icon={<ArrowLeft size={16} aria-hidden />}
            aria-label="All metrics"
            onClick={close}
          />
          <h1>
            <bdi>{visible(name)}</bdi>
          </h1>
          <Copy value={name} label="Copy the name" />
          <p className={styles.facts}>{metric !== undefined && facts(metric)}</p>
        </header>
        {metric?.description && <p className={styles.description}>{visible(metric.description)}</p>}
        <Panel
          title={
            <span className={styles.tools}>
              <Select<Aggregation>
                label="Aggregation"
                prefix="Show"
                value={agg}
                choices={choices}
                onChange={(next) => onChange({ agg: next === "auto" ? undefined : next }, true)}
              />
              {group.map((key) => (
                <Chip key={`g ${key}`} what="by" text={key} onRemove={() => onGroup(key)} />
              ))}
              {filter.map((text) => (
                <Chip key={`f ${text}`} what="where" text={text} onRemove={() => onFilter(text)} />
              ))}
            </span>
          }
          actions={
            <Button
              aria-pressed={log}
              disabled={data !== undefined && heatOf(data) !== null}
              onClick={() => onChange({ log: log ? undefined : true }, false)}
            >
              Log scale
            </Button>
          }
          {...panelState(answer)}
          receipt={data?.receipt}
          empty={
            empty && (
              <Empty
                title="No points in this range"
                detail={
                  filter.length > 0
                    ? "With these conditions; take one away."
                    : "The metric has none at this time."
                }
              />
            )
          }
        >
          {data && (
            <>
              <MetricChart
                answer={data}
                log={log}
                hidden={hidden}
                range={range}
                stale={answer.isPlaceholderData}
              />
              <Legend answer={data} hidden={hidden} onHidden={setHidden} onFilter={onFilter} />
              {data.series_total > data.series.length && (
                <p className={styles.more}>
                  {formatCount(data.series.length)} of{" "}
                  {plural(data.series_total, "series", "series")} are drawn: group by a label or add
                  a condition.
                </p>
              )}
            </>
          )}
        </Panel>
        <div className={styles.pair}>
          <Breakdown
            name={name}
            range={range}
            group={group}
            filter={filter}
            onGroup={onGroup}
            onFilter={onFilter}
          />
          {data && <Exemplars exemplars={data.exemplars} unit={data.unit} />}
        </div>
      </div>
    </div>
  );
}

function none(list: string[]): string[] | undefined {
  return list.length === 0 ? undefined : list;
}

function facts(metric: Metric): string {
  const { unit, temporality, series, points, services } = metric;
  return [
    typeName(metric),
    unit ? `unit ${unit}` : null,
    temporality,
    plural(series, "series", "series"),
    plural(points, "point"),
    services.length === 1 ? services[0] : plural(services.length, "service"),
  ]
    .filter(Boolean)
    .join(" · ");
}

function Chip({ what, text, onRemove }: { what: string; text: string; onRemove(): void }) {
  return (
    <span className={styles.chip}>
      <span>{what}</span> <bdi>{visible(text)}</bdi>
      <button type="button" aria-label={`Remove: ${what} ${text}`} onClick={onRemove}>
        <X size={12} aria-hidden />
      </button>
    </span>
  );
}
