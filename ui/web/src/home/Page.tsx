import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { servicesQuery } from "../api/queries";
import { announce } from "../app/announce";
import { useTimeRange } from "../app/context";
import { useRefresh } from "../app/refresh";
import { formatCompact, plural } from "../kit/format";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { QueryBar } from "../kit/QueryBar";
import { useFilter } from "../kit/useFilter";
import { Changes } from "./Changes";
import { NoServices } from "./NoServices";
import { ServicesTable } from "./ServicesTable";
import { useHasData } from "./useHasData";

const Guide = lazy(() => import("../onboarding/Guide"));

/** What runs, how it does, and what changed. */
export function Page() {
  const { from, to } = useTimeRange();
  const q = useFilter("spans");
  const { by = "rate", dir = "desc" } = useSearch({ from: "/" });
  const navigate = useNavigate({ from: "/" });
  const services = useQuery(servicesQuery({ from, to, q }));
  const { data } = services;
  const none = data?.services.length === 0;
  const hasData = useHasData(none === true);
  useEffect(() => {
    if (data) announce(plural(data.services.length, "service"));
  }, [data]);

  // Once shown the guide stays, also when data comes: it says so itself and leads on.
  const [guided, setGuided] = useState(false);
  if (hasData === false && !guided) setGuided(true);
  const refresh = useRefresh();
  if (guided) {
    const leave = () => {
      setGuided(false);
      refresh();
    };
    return (
      <Suspense>
        <Guide empty onServices={leave} />
      </Suspense>
    );
  }
  const state = panelState(services);
  return (
    <PageFrame title="Home" bare>
      <QueryBar table="spans" />
      {!none && !services.error && (
        <Panel title="What changed" loading={state.loading} stale={state.stale} flush>
          {data && <Changes changes={data.changes} q={q} />}
        </Panel>
      )}
      <Panel
        title={data && !none ? plural(data.services.length, "service") : "Services"}
        actions={data && <span>{formatCompact(data.total_spans)} spans</span>}
        receipt={data?.receipt}
        empty={none && <NoServices filtered={q !== undefined} />}
        flush
        {...state}
      >
        {data && (
          <ServicesTable
            services={data.services}
            q={q}
            by={by}
            direction={dir}
            onSort={(column, direction) =>
              navigate({
                search: (old) => ({ ...old, by: column, dir: direction }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        )}
      </Panel>
    </PageFrame>
  );
}
