/** The one sentence that the page begins with: does data arrive, and if not, why. */
import type { Arrived, Rejected, Status, TableStatus } from "../api/types";
import { formatAgo, formatCount, formatRate, plural } from "../kit/format";
import { hintFor } from "./hints";

export type Level = "ok" | "warn" | "bad" | "empty";

export interface Answer {
  level: Level;
  title: string;
  detail: string;
  /** Event times that pages with a range near now do not show. */
  elsewhere: { newest: string; table: string } | null;
}

export interface Seen {
  status: Status;
  arrived: Arrived | null;
  /** Newest first. */
  rejected: Rejected[];
  rejectedTotal: number;
  /** Records a second over the last seconds; null while unknown. */
  rate: number | null;
  now: bigint;
}

const MINUTE = 60_000_000_000n;
const FRESH = MINUTE;
const REFUSED_LATELY = 5n * MINUTE;
const HOUR = 60n * MINUTE;

export function answerOf(seen: Seen): Answer {
  const found = sentence(seen);
  return { ...found, elsewhere: found.level === "ok" ? null : elsewhere(seen) };
}

type Sentence = Omit<Answer, "elsewhere">;

function sentence(seen: Seen): Sentence {
  const { status, arrived, now } = seen;
  if (!status.ready) {
    const reason = status.reason ?? "no reason was given";
    return {
      level: "bad",
      title: `Oriel takes no data now: ${reason}`,
      detail: hintFor(reason) ?? "Senders are told to try again.",
    };
  }
  const stored = (status.tables ?? []).reduce((sum, table) => sum + table.rows, 0);
  const records =
    arrived === null ? 0 : arrived.totals.spans + arrived.totals.logs + arrived.totals.metrics;
  const refused = refusal(seen);
  if (records === 0 && refused !== null) {
    return {
      level: "bad",
      title: `All that came since the start was refused: ${plural(seen.rejectedTotal, "request")}`,
      detail: refused,
    };
  }
  if (records === 0) return nothing(seen, stored);
  const last = newestOf(arrived);
  const fresh = last !== null && now - BigInt(last.last) < FRESH;
  if (refused !== null) {
    const title = fresh
      ? "Data arrives, but some of it is refused"
      : "The last that came was refused";
    return { level: "warn", title, detail: refused };
  }
  if (last === null || arrived === null) return nothing(seen, stored);
  const from = last.service ?? "a sender without service.name";
  if (fresh) {
    const speed = seen.rate ? ` at ${formatRate(seen.rate)} records/s` : "";
    const sources = plural(
      arrived.sources.filter((source) => now - BigInt(source.last) < FRESH).length,
      "source",
    );
    return {
      level: "ok",
      title: `Data arrives${speed}`,
      detail: `From ${sources} in the last minute; the newest are ${last.signal} from ${from}, ${formatAgo(last.last, now)}. What was acknowledged can be searched at once.`,
    };
  }
  return {
    level: "warn",
    title: `Nothing came for a while: the last were ${last.signal} from ${from}, ${formatAgo(last.last, now)}`,
    detail:
      "Oriel is ready and refused nothing lately, so look at the sender: is it running, and does it export to one of the addresses below?",
  };
}

function nothing({ status }: Seen, stored: number): Sentence {
  const ports = `Send OTLP by gRPC to ${status.otlp_grpc} or by HTTP to ${status.otlp_http}.`;
  if (stored === 0)
    return {
      level: "empty",
      title: "Nothing has arrived yet",
      detail: `Oriel is ready and waits. ${ports}`,
    };
  const since = `since the server started ${uptime(status.uptime_seconds)} ago`;
  return {
    level: "warn",
    title: `Nothing has arrived ${since}`,
    detail: `${formatCount(stored)} rows from before are here. ${ports}`,
  };
}

/** The newest refusal, when it is recent. */
function refusal({ rejected, rejectedTotal, now }: Seen): string | null {
  const [newest] = rejected;
  if (newest === undefined || now - BigInt(newest.time) > REFUSED_LATELY) return null;
  const whose = `${newest.signal} by ${newest.transport}`;
  return `${plural(rejectedTotal, "request")} since the start; the newest (${whose}) ${formatAgo(newest.time, now)}: ${newest.reason}`;
}

function newestOf(arrived: Arrived | null) {
  return (arrived?.sources ?? []).reduce<Arrived["sources"][number] | null>(
    (best, source) => (best === null || BigInt(source.last) > BigInt(best.last) ? source : best),
    null,
  );
}

/** Stored data of another time: the usual reason why pages look empty. */
function elsewhere({ status, now }: Seen): Answer["elsewhere"] {
  if ((status.store?.buffer_rows ?? 0) > 0) return null;
  const [newest] = (status.tables ?? [])
    .filter(
      (table): table is TableStatus & { newest: string } =>
        table.newest !== null && table.name !== "traces",
    )
    .toSorted((a, b) => (BigInt(a.newest) < BigInt(b.newest) ? 1 : -1));
  if (newest === undefined || now - BigInt(newest.newest) < HOUR) return null;
  return { newest: newest.newest, table: newest.name };
}

/** `2 d 3 h`, `12 min`, `40 s`. */
export function uptime(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor((seconds % 86_400) / 3600),
    Math.floor((seconds % 3600) / 60),
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
