/** A whole record, fetched when it is opened: body, attributes, ids, and ways on from here. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { logQuery } from "../api/queries";
import type { Log } from "../api/types";
import { announce } from "../app/announce";
import { useContext, useSetContext } from "../app/context";
import { Button, IconButton } from "../kit/Button";
import { keepTerm, withTerm } from "../kit/filterterms";
import { exactTime, formatBytes, visible } from "../kit/format";
import { Copy, copyText, Time } from "../kit/Values";
import { AttributeTable } from "./AttributeTable";
import { BodyView } from "./BodyView";
import styles from "./LogDetail.module.css";
import { recordJson } from "./model";

type Props = { id: string; zone: string; onClose(): void };

export function LogDetail({ id, zone, onClose }: Props) {
  const { data, isPending, error, refetch } = useQuery(logQuery(id));
  return (
    <div className={styles.detail}>
      {isPending && !error && <p className={styles.note}>Loading the record…</p>}
      {error && (
        <p className={styles.wrong} role="alert">
          The record did not come: {error.message}
          <Button onClick={() => refetch()}>Try again</Button>
        </p>
      )}
      {data && <Whole log={data.log} zone={zone} onClose={onClose} />}
    </div>
  );
}

function Whole({ log, zone, onClose }: { log: Log; zone: string; onClose(): void }) {
  const { q = "" } = useContext();
  const setContext = useSetContext();
  const onEdit = (text: string) => setContext({ q: text });
  return (
    <>
      <div className={styles.actions}>
        {log.trace_id && (
          <Link
            to="/traces/$id"
            params={{ id: log.trace_id }}
            search={(old: object) => ({ ...old, span: log.span_id ?? undefined }) as never}
            className={styles.trace}
          >
            Open {log.span_id ? "span" : "trace"}
          </Link>
        )}
        <Link
          to="/logs"
          search={(old: object) =>
            ({ ...old, around: log.id, by: undefined, row: undefined }) as never
          }
          state={(old) => ({ ...old, fromList: true })}
          className={styles.trace}
        >
          Lines around
        </Link>
        <Button
          look="quiet"
          data-act="json"
          onClick={() =>
            void copyText(recordJson(log)).then(() => announce("Record copied as JSON"))
          }
        >
          Copy as JSON
        </Button>
        <Button look="quiet" onClick={() => copyText(window.location.href)}>
          Copy link
        </Button>
        <span className={styles.close}>
          <IconButton
            label="Close the record"
            icon={<X size={14} aria-hidden />}
            onClick={onClose}
          />
        </span>
      </div>
      <BodyView body={log.body ?? ""} bytes={log.body_bytes} json={log.body_json} />
      <div className={styles.columns}>
        <div className={styles.attributes}>
          <AttributeTable title="Attributes" level="log" {...{ q, onEdit }} list={log.attributes} />
          <AttributeTable
            title="Resource"
            level="resource"
            {...{ q, onEdit }}
            list={log.resource_attributes}
          />
          <AttributeTable
            title={`Scope${log.scope ? ` · ${visible(log.scope)}` : ""}`}
            level="scope"
            {...{ q, onEdit }}
            list={log.scope_attributes}
          />
        </div>
        <Facts log={log} zone={zone} onEdit={(term) => onEdit(withTerm(q, term))} />
      </div>
    </>
  );
}

type FactsProps = { log: Log; zone: string; onEdit(term: string): void };

function Facts({ log, zone, onEdit }: FactsProps) {
  return (
    <dl className={styles.facts}>
      <dt>Time</dt>
      <dd>
        <code>{exactTime(log.time, zone)}</code>
        <Copy value={exactTime(log.time, zone)} label="Copy the time" />
      </dd>
      {log.observed && (
        <>
          <dt>Observed</dt>
          <dd>
            <Time nanos={log.observed} digits="ns" day />
          </dd>
        </>
      )}
      <dt>Severity</dt>
      <dd>
        {visible(log.severity_text || "unset")} ({log.severity_number})
      </dd>
      {log.event_name && (
        <>
          <dt>Event</dt>
          <dd>
            <bdi>{visible(log.event_name)}</bdi>
          </dd>
        </>
      )}
      {log.trace_id && <Id name="Trace" value={log.trace_id} term="trace" onEdit={onEdit} />}
      {log.span_id && <Id name="Span" value={log.span_id} term="span" onEdit={onEdit} />}
      <dt>Body</dt>
      <dd>{formatBytes(log.body_bytes)}</dd>
      {log.received_at && (
        <>
          <dt>Received</dt>
          <dd>
            <Time nanos={log.received_at} day />
          </dd>
        </>
      )}
    </dl>
  );
}

type IdProps = { name: string; value: string; term: string; onEdit(term: string): void };

function Id({ name, value, term, onEdit }: IdProps) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
        <Copy value={value} label={`Copy the ${term} id`} />
        <Button look="quiet" className={styles.small} onClick={() => onEdit(keepTerm(term, value))}>
          Keep
        </Button>
      </dd>
    </>
  );
}
