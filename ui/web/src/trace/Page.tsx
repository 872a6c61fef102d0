import { Link, useParams, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { ApiError } from "../api/client";
import { useHold } from "../app/refresh";
import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { visible } from "../kit/format";
import { PageFrame } from "../kit/PageFrame";
import { Panel } from "../kit/Panel";
import { titleRow } from "./model";
import styles from "./Page.module.css";
import { shownOf, type TraceSearch, traceSearch } from "./search";
import type { Shown } from "./shown";
import { TraceView } from "./TraceView";
import { useTrace } from "./useTrace";

/** One trace. */
export function Page() {
  const { id = "" } = useParams({ strict: false });
  return <OneTrace key={id} id={id.toLowerCase()} />;
}

function OneTrace({ id }: { id: string }) {
  const search = useSearch({ strict: false, select: traceSearch, structuralSharing: true });
  const shown = useShown(search);
  const { session, trace, error, receipt, retry } = useTrace(id, shown);
  const skeleton = trace?.opened.skeleton;
  const row = skeleton ? titleRow(skeleton) : -1;
  const name = visible(skeleton?.names[skeleton.name[row] ?? -1] ?? id.slice(0, 8));
  // What is read here does not change by itself.
  useHold(true);
  return (
    <PageFrame title={`Trace ${name}`} bare fill className={styles.page}>
      {trace && session && trace.opened.skeleton.count > 0 ? (
        <TraceView id={id} session={session} trace={trace} search={search} receipt={receipt} />
      ) : error instanceof ApiError && (error.status === 404 || error.status === 400) ? (
        <NoTrace id={id} reason={error.status === 404 ? "" : error.message} retry={retry} />
      ) : trace && !error ? (
        <NoTrace id={id} reason="It holds no spans" retry={retry} />
      ) : (
        <Panel fill loading={!error} error={error} onRetry={retry}>
          {null}
        </Panel>
      )}
    </PageFrame>
  );
}

/** The same object as long as it says the same, so that the worker is asked once. */
function useShown(search: TraceSearch): Shown {
  const text = JSON.stringify(shownOf(search));
  return useMemo(() => JSON.parse(text) as Shown, [text]);
}

function NoTrace({ id, reason, retry }: { id: string; reason: string; retry(): void }) {
  return (
    <Empty
      title="No trace with this id"
      detail={
        <>
          <code className={styles.id}>{visible(id)}</code>
          <br />
          {reason !== "" && `${reason}. `}It may not have arrived yet, may have been sampled out, or
          may be older than what is kept. All that is stored was searched, whatever time range is
          set above.
        </>
      }
    >
      <Button onClick={retry}>Look again</Button>
      <Link to="/traces" search={(old) => old as never}>
        Search traces
      </Link>
    </Empty>
  );
}
