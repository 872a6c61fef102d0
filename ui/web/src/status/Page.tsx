/** What Oriel itself is doing: does data arrive, what was refused, what is kept, what runs. */
import { useQuery } from "@tanstack/react-query";
import { queriesQuery, rejectedQuery, statusQuery } from "../api/queries";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { answerOf } from "./answer";
import { Banner } from "./Banner";
import { Ingest } from "./Ingest";
import { ratesOf, recentRate, SIGNALS } from "./live";
import styles from "./Page.module.css";
import { Queries } from "./Queries";
import { Refusals } from "./Refusals";
import { Server } from "./Server";
import { Sources } from "./Sources";
import { Store } from "./Store";
import { REFUSALS_MAX, useLive, useSecond } from "./useLive";

const STATUS_EVERY_MS = 5000;
const QUERIES_EVERY_MS = 1000;
const NONE: never[] = [];

export function Page() {
  const live = useLive();
  const nowMs = useSecond();
  const now = BigInt(nowMs) * 1_000_000n;
  const status = useQuery({ ...statusQuery(), refetchInterval: STATUS_EVERY_MS });
  const rejected = useQuery(rejectedQuery(REFUSALS_MAX));
  const queries = useQuery({ ...queriesQuery(), refetchInterval: QUERIES_EVERY_MS });
  const refusals = rejected.data?.rejected ?? NONE;

  const rates = SIGNALS.map(({ key }) => recentRate(ratesOf(live.samples, key, nowMs)));
  const known = rates.filter((rate) => rate !== null);
  const rate = known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0);
  const answer =
    status.data &&
    answerOf({
      status: status.data,
      arrived: live.arrived,
      rejected: refusals,
      rejectedTotal: rejected.data?.total ?? 0,
      rate,
      now,
    });

  return (
    <PageFrame title="Status">
      {answer && <Banner answer={answer} />}
      <div className={styles.columns}>
        <div className={styles.column}>
          <Ingest live={live} now={nowMs} />
          <Sources sources={live.sources} now={now} />
          <Panel
            title="Refused data"
            flush
            {...panelState(rejected)}
            actions={rejected.data && <Total count={rejected.data.total} />}
          >
            {rejected.data && <Refusals refusals={refusals} now={now} />}
          </Panel>
          <Panel title="Queries running now" flush {...panelState(queries)}>
            {queries.data && (
              <Queries queries={queries.data.queries} onStopped={() => void queries.refetch()} />
            )}
          </Panel>
        </div>
        <div className={styles.column}>
          <Panel title="Server" {...panelState(status)}>
            {status.data && <Server status={status.data} />}
          </Panel>
          <Panel title="Store" {...panelState(status)}>
            {status.data && <Store status={status.data} now={now} />}
          </Panel>
        </div>
      </div>
    </PageFrame>
  );
}

function Total({ count }: { count: number }) {
  if (count === 0) return null;
  return <span className={styles.quiet}>{count.toLocaleString("en-US")} since the start</span>;
}
