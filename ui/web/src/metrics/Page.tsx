/** Metrics: a catalogue of all, and one metric opened; what is open is in the address. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { metricsQuery } from "../api/queries";
import { useTimeRange } from "../app/context";
import { NoData } from "../kit/NoData";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { Catalogue } from "./Catalogue";
import { Detail } from "./Detail";
import { type MetricsSearch, metricsSearch } from "./search";

const METRICS_MAX = 10_000;
const NONE: never[] = [];

export function Page() {
  const search = useSearch({
    strict: false,
    select: metricsSearch,
    structuralSharing: true,
  }) as MetricsSearch;
  const navigate = useNavigate();
  const onChange = useCallback(
    (part: MetricsSearch, push: boolean) => {
      const next = (old: object) => ({ ...old, ...part }) as never;
      navigate({ to: ".", search: next, replace: !push, resetScroll: false });
    },
    [navigate],
  );
  const { from, to, now } = useTimeRange();
  const range = useMemo(() => ({ from, to }), [from, to]);
  const answer = useQuery(metricsQuery({ ...range, limit: METRICS_MAX }));
  const metrics = answer.data?.metrics ?? NONE;

  if (search.metric !== undefined) {
    return (
      <PageFrame title={search.metric} bare fill>
        <Detail
          name={search.metric}
          metrics={metrics}
          search={search}
          range={range}
          onChange={onChange}
        />
      </PageFrame>
    );
  }
  const none = answer.data !== undefined && metrics.length === 0;
  return (
    <PageFrame title="Metrics" bare fill>
      <Panel
        fill
        {...panelState(answer)}
        receipt={answer.data?.receipt}
        empty={none && <NoData table="metrics" what="metrics" />}
      >
        {answer.data && (
          <Catalogue
            metrics={metrics}
            search={search}
            range={range}
            now={now}
            onChange={onChange}
          />
        )}
      </Panel>
    </PageFrame>
  );
}
