/** Nothing in the range: never had data, data at another time, or a filter that leaves none. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { statusQuery } from "../api/queries";
import { useContext, useSetContext, useTimeRange } from "../app/context";
import { absolute } from "../app/range";
import { Button } from "./Button";
import { Empty } from "./Empty";
import { widened } from "./filterterms";
import { formatAgo } from "./format";

/** How much before the newest record "jump there" shows. */
const BEFORE = 3_600_000_000_000n;

export function NoData({ table, what }: { table: "spans" | "logs" | "metrics"; what: string }) {
  const status = useQuery(statusQuery());
  const { q } = useContext();
  const setContext = useSetContext();
  const { bounds, now, text } = useTimeRange();
  const stored = status.data?.tables?.find((each) => each.name === table);
  // What came last may be in memory only, and tables tell of files.
  const inMemory = (status.data?.store?.buffer_rows ?? 0) > 0;
  if (stored && stored.newest === null && !inMemory) {
    return (
      <Empty title={`No ${what} yet`} detail={`Nothing has been sent to this server so far.`}>
        <Link to="/onboarding">How to send the first {what}</Link>
      </Empty>
    );
  }
  const newest = stored?.newest ? BigInt(stored.newest) : null;
  // Of spans, bare words are found inside of words anyway.
  const wide = table === "logs" && q ? widened(q) : null;
  const elsewhere = newest !== null && (newest < bounds.from || newest >= bounds.to);
  return (
    <Empty
      title={q ? `No ${what} match the filter` : `No ${what} in this range`}
      detail={elsewhere ? `${text}. The latest are from ${formatAgo(newest, now)}.` : `${text}.`}
    >
      {elsewhere && (
        <Button
          onClick={() =>
            setContext(absolute({ from: newest - BEFORE, to: newest + 1_000_000_000n }))
          }
        >
          Jump to the latest
        </Button>
      )}
      {wide !== null && (
        <Button onClick={() => setContext({ q: wide } as never)}>
          Find parts of words: {wide}
        </Button>
      )}
      {q && <Button onClick={() => setContext({ q: undefined } as never)}>Clear the filter</Button>}
    </Empty>
  );
}
