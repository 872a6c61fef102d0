import { Link } from "@tanstack/react-router";
import { Database, Download, Link2, X } from "lucide-react";
import { memo } from "react";
import { url } from "../api/client";
import { announce } from "../app/announce";
import { Button, IconButton } from "../kit/Button";
import { formatCount, formatDuration, plural, visible } from "../kit/format";
import { Tooltip } from "../kit/Tooltip";
import { Copy, copyText, Duration, ServiceTick, Time } from "../kit/Values";
import type { Opened, Structure } from "./engine";
import { titleRow } from "./model";
import type { TraceViewName } from "./search";
import styles from "./TraceHeader.module.css";
import type { SetSearch } from "./useNavigation";

interface Props {
  id: string;
  opened: Opened;
  structure: Structure;
  /** Row of the span that is shown as the root, or -1. */
  root: number;
  errors: number;
  slots: readonly number[];
  view: TraceViewName;
  adjusted: boolean;
  setSearch: SetSearch;
}

const VIEW_NAMES: Record<TraceViewName, string> = {
  waterfall: "Waterfall",
  flame: "Flame",
  table: "Table",
  logs: "Logs",
};

/** What the trace is: name, time, size, and what is odd about it. */
export const TraceHeader = memo(function TraceHeader(props: Props) {
  const { id, opened, root, errors, slots, view, setSearch } = props;
  const { skeleton, end } = opened;
  const row = titleRow(skeleton);
  const service = skeleton.services[skeleton.service[row] ?? -1] ?? "";
  const services = skeleton.services.length;
  return (
    <header className={styles.header}>
      <div className={styles.title}>
        <ServiceTick name={service} slot={slots[skeleton.service[row] ?? -1]} />
        <h2>
          <bdi>{visible(skeleton.names[skeleton.name[row] ?? -1] ?? "(no spans)")}</bdi>
        </h2>
        <span className={styles.length}>
          <Duration nanos={end} />
        </span>
      </div>
      <div className={styles.actions}>
        <fieldset className={styles.views} aria-label="View">
          {(Object.keys(VIEW_NAMES) as TraceViewName[]).map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={view === name}
              onClick={() => setSearch({ view: name === "waterfall" ? undefined : name })}
            >
              {VIEW_NAMES[name]}
            </button>
          ))}
        </fieldset>
        <code className={styles.id} title={id}>
          {id.slice(0, 8)}…
        </code>
        <Copy value={id} label="Copy the trace id" />
        <IconButton
          label="Copy a link to this view"
          keys="y"
          icon={<Link2 size={16} aria-hidden />}
          onClick={() => void copyText(location.href).then(() => announce("Link copied"))}
        />
        <Tooltip text="Download as OTLP/JSON">
          <a
            className={styles.download}
            href={url(`traces/${encodeURIComponent(id)}`)}
            download={`trace-${id}.json`}
            aria-label="Download as OTLP/JSON"
          >
            <Download size={16} aria-hidden />
          </a>
        </Tooltip>
        <Tooltip text="Ask about this trace in SQL">
          <Link
            to="/sql"
            search={(old) => ({ ...old, sql: sqlOf(id) }) as never}
            className={styles.download}
            aria-label="Ask about this trace in SQL"
          >
            <Database size={16} aria-hidden />
          </Link>
        </Tooltip>
      </div>
      <ul className={styles.facts} aria-label="About this trace">
        <li>
          <Time nanos={skeleton.traceStart} day />
        </li>
        <li>{plural(skeleton.count, "span")}</li>
        <li>{plural(services, "service")}</li>
        {errors > 0 && (
          <li className={styles.error}>
            <span aria-hidden>⬢</span> {plural(errors, "error")}
          </li>
        )}
        <Oddities {...props} />
        {root >= 0 && (
          <li>
            <Button
              look="quiet"
              className={styles.root}
              icon={<X size={14} aria-hidden />}
              onClick={() => setSearch({ root: undefined, zoom: undefined })}
            >
              only the subtree of{" "}
              <bdi>{visible(skeleton.names[skeleton.name[root] ?? -1] ?? "")}</bdi>
            </Button>
          </li>
        )}
      </ul>
    </header>
  );
});

/** Kept to one statement that a reader goes on from. */
function sqlOf(id: string): string {
  return `SELECT start_time, service_name, name, duration, status_code\nFROM spans\nWHERE trace_id = '${id.replaceAll("'", "''")}'\nORDER BY start_time`;
}

/** What makes the tree less than whole, each with what it means. */
function Oddities({ structure, opened, adjusted }: Props) {
  const { forest } = structure;
  const { skew, duplicates, skeleton } = opened;
  const notes: [string, string][] = [];
  if (forest.roots > 1) {
    notes.push([
      `${formatCount(forest.roots)} roots`,
      "Several spans name no parent. Each is the root of a tree of its own.",
    ]);
  } else if (forest.roots === 0 && skeleton.count > 0) {
    notes.push([
      "no root",
      "Every span names a parent. The root was not sent, or has not arrived yet.",
    ]);
  }
  if (forest.orphans > 0) {
    notes.push([
      `${plural(forest.orphans, "span")} with a missing parent`,
      "Their parents are not part of what was received: not sent, sampled out, or not here yet. They stand under “Missing parent”.",
    ]);
  }
  if (forest.cycles > 0) {
    notes.push([
      `${plural(forest.cycles, "cycle")} of parents`,
      "Spans that are their own ancestors. Each cycle is cut above its earliest span.",
    ]);
  }
  if (duplicates > 0) {
    notes.push([
      `${plural(duplicates, "repeated span id")}`,
      "Several spans have the same id. All are shown; children belong to the first.",
    ]);
  }
  if (skew.length > 0) {
    const offsets = skew
      .slice(0, 4)
      .map(
        ({ service, offset }) =>
          `${visible(skeleton.services[service] ?? "")} ${offset < 0 ? "" : "+"}${formatDuration(offset)}`,
      )
      .join(", ");
    notes.push([
      adjusted ? "clock skew taken out" : "clock skew",
      `Spans lie outside the calls that caused them, so clocks differ: ${offsets}. ${adjusted ? "These offsets are added to the times shown." : "Times are shown as they were sent."}`,
    ]);
  }
  return notes.map(([text, meaning]) => (
    <li key={text}>
      <Tooltip text={meaning}>
        <Button look="quiet" className={styles.odd}>
          <span aria-hidden>▲</span> {text}
        </Button>
      </Tooltip>
    </li>
  ));
}
