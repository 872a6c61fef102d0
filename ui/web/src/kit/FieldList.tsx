/** Fields beside a list: for each its top values over all matches, to keep or to drop. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ChevronRight, Minus, Plus, Search } from "lucide-react";
import { useDeferredValue, useId, useState } from "react";
import { isFilterError } from "../api/client";
import { keysQuery, valuesQuery } from "../api/queries";
import type { Range, Table } from "../api/types";
import styles from "./FieldList.module.css";
import { type Field, groupFields } from "./fields";
import { dropTerm, hasTerm, keepTerm, withoutTerm, withTerm } from "./filterterms";
import { formatCount, formatPercent, visible } from "./format";

type Props = {
  table: Table;
  range: Range;
  /** The filter as the page sends it, and as the address has it: that one is edited. */
  sent: string;
  q: string;
  builtin: Field[];
  /** Fields open at first, by name. */
  open: string[];
  onEdit(q: string): void;
};

/** Values asked for at first and after "more". */
const VALUES = { first: 8, more: 50 };

export function FieldList({ table, range, sent, q, builtin, open, onEdit }: Props) {
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search);
  const keys = useQuery({
    ...keysQuery({ from: range.from, to: range.to, table, q: sent, limit: 1000 }),
    placeholderData: keepPreviousData,
  });
  const groups = groupFields(builtin, keys.data?.keys ?? [], wanted);
  return (
    <section className={styles.list} aria-label="Fields">
      <h2 className="hidden-text">Fields</h2>
      <div className={styles.search}>
        <Search size={14} aria-hidden="true" />
        <input
          type="search"
          value={search}
          placeholder="Find a field"
          aria-label="Find a field"
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      <div className={styles.groups}>
        {isFilterError(keys.error) && (
          <p className={styles.note}>Nothing is counted: the filter is not understood.</p>
        )}
        {(isFilterError(keys.error) ? [] : groups).map((group) => (
          <section key={group.label} aria-label={group.label || "Built-in fields"}>
            {group.label && (
              <h3 className={styles.group}>
                {group.label} <span className={styles.count}>{group.fields.length}</span>
              </h3>
            )}
            {group.fields.map((field) => (
              <FieldRow
                key={field.name}
                field={field}
                rows={keys.data?.rows ?? 0}
                startsOpen={open.includes(field.name)}
                ask={{ table, range, sent, q }}
                onEdit={onEdit}
              />
            ))}
          </section>
        ))}
        {keys.isPending && <p className={styles.note}>Looking for attributes…</p>}
        {keys.isError && !isFilterError(keys.error) && (
          <p className={styles.note} role="alert">
            Attributes could not be listed: {keys.error.message}{" "}
            <button type="button" className={styles.link} onClick={() => keys.refetch()}>
              Retry
            </button>
          </p>
        )}
        {keys.isSuccess && groups.length === 0 && (
          <p className={styles.note}>No field has “{wanted}” in its name.</p>
        )}
      </div>
    </section>
  );
}

type Ask = { table: Table; range: Range; sent: string; q: string };
type RowProps = {
  field: Field;
  rows: number;
  startsOpen: boolean;
  ask: Ask;
  onEdit(q: string): void;
};

function FieldRow({ field, rows, startsOpen, ask, onEdit }: RowProps) {
  const [open, setOpen] = useState(startsOpen);
  const id = useId();
  return (
    <div className={styles.field}>
      <button
        type="button"
        className={styles.toggle}
        aria-expanded={open}
        aria-controls={id}
        title={field.name}
        onClick={() => setOpen(!open)}
      >
        <ChevronRight size={14} aria-hidden="true" />
        <bdi className={styles.label}>{field.label}</bdi>
        {field.count !== null && (
          <span className={styles.count}>{rows > 0 ? formatPercent(field.count / rows) : ""}</span>
        )}
      </button>
      <div id={id}>{open && <Values field={field} ask={ask} onEdit={onEdit} />}</div>
    </div>
  );
}

function Values({ field, ask, onEdit }: { field: Field; ask: Ask; onEdit(q: string): void }) {
  const [limit, setLimit] = useState(VALUES.first);
  const { data, isPending, isError, error, isPlaceholderData, refetch } = useQuery(
    valuesQuery({
      from: ask.range.from,
      to: ask.range.to,
      table: ask.table,
      q: ask.sent,
      key: field.key,
      ...(field.level ? { level: field.level } : {}),
      limit,
    }),
  );
  if (isPending) return <p className={styles.note}>Counting…</p>;
  if (isError) {
    return (
      <p className={styles.note} role="alert">
        {error.message}{" "}
        <button type="button" className={styles.link} onClick={() => refetch()}>
          Retry
        </button>
      </p>
    );
  }
  const hidden = data.distinct - data.values.length;
  return (
    <div className={styles.values} data-dimmed={isPlaceholderData || undefined}>
      <ul>
        {data.values.map((each, at) => (
          <Value
            // Values that are cut may begin alike.
            key={each.cut ? at : `${each.type}:${each.value}`}
            cut={each.cut}
            name={field.name}
            value={each.value}
            count={each.count}
            rows={data.rows}
            q={ask.q}
            onEdit={onEdit}
          />
        ))}
      </ul>
      {data.values.length === 0 && <p className={styles.note}>No matching record has it.</p>}
      {hidden > 0 && limit < VALUES.more && (
        <button type="button" className={styles.link} onClick={() => setLimit(VALUES.more)}>
          {formatCount(hidden)} more values
        </button>
      )}
      {hidden > 0 && limit >= VALUES.more && (
        <p className={styles.note}>and {formatCount(hidden)} rarer values</p>
      )}
    </div>
  );
}

type ValueProps = {
  name: string;
  value: string;
  /** Only its beginning is known. */
  cut: boolean;
  count: number;
  rows: number;
  q: string;
  onEdit(q: string): void;
};

function Value({ name, value, cut, count, rows, q, onEdit }: ValueProps) {
  const keep = keepTerm(name, value);
  const drop = dropTerm(name, value);
  const kept = hasTerm(q, keep);
  const dropped = hasTerm(q, drop);
  const shown = visible(cut || value.length > 200 ? `${value.slice(0, 200)}…` : value);
  const toggle = (term: string, on: boolean) =>
    onEdit(on ? withoutTerm(q, term) : withTerm(q, term));
  return (
    <li
      className={styles.value}
      data-kept={kept || undefined}
      data-value=""
      data-copy={cut ? undefined : value}
    >
      <span
        className={styles.bar}
        style={{ width: `${rows > 0 ? (100 * count) / rows : 0}%` }}
        aria-hidden="true"
      />
      <bdi className={styles.text} title={shown}>
        {value === "" ? <i className={styles.note}>empty</i> : shown}
      </bdi>
      {cut && (
        <span className={styles.cut} title="The value is longer: only its beginning is shown">
          cut
        </span>
      )}
      <span className={styles.count} title={`${formatCount(count)} of ${formatCount(rows)}`}>
        {formatCount(count)}{" "}
        <span className={styles.share}>{rows > 0 ? formatPercent(count / rows) : ""}</span>
      </span>
      {/* The beginning alone would match nothing. */}
      <span className={styles.actions} hidden={cut}>
        <button
          type="button"
          data-act="keep"
          aria-label={`Keep ${name} ${shown}`}
          aria-pressed={kept}
          title={`Keep only: ${keep}`}
          onClick={() => toggle(keep, kept)}
        >
          <Plus size={14} aria-hidden="true" />
        </button>
        <button
          type="button"
          data-act="drop"
          aria-label={`Drop ${name} ${shown}`}
          aria-pressed={dropped}
          title={`Leave out: ${drop}`}
          onClick={() => toggle(drop, dropped)}
        >
          <Minus size={14} aria-hidden="true" />
        </button>
      </span>
    </li>
  );
}
