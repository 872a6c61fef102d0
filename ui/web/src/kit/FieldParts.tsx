/** What lists of fields are made of: a search, groups of fields, and values to keep or to drop. */
import { ChevronRight, Minus, Plus, Search } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import styles from "./FieldList.module.css";
import { hasTerm, withoutTerm, withTerm } from "./filterterms";
import { formatCount, formatPercent, visible } from "./format";

type FrameProps = { search: string; onSearch(text: string): void; children: ReactNode };

export function FieldFrame({ search, onSearch, children }: FrameProps) {
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
          onChange={(event) => onSearch(event.target.value)}
        />
      </div>
      <div className={styles.groups}>{children}</div>
    </section>
  );
}

type GroupProps = { label: string; count: number; children: ReactNode };

export function FieldGroup({ label, count, children }: GroupProps) {
  return (
    <section aria-label={label || "Built-in fields"}>
      {label && (
        <h3 className={styles.group}>
          {label} <span className={styles.count}>{count}</span>
        </h3>
      )}
      {children}
    </section>
  );
}

type RowProps = {
  name: string;
  label: string;
  /** Of the records, how many have it; null when that says nothing. */
  share: number | null;
  startsOpen: boolean;
  /** Beside the name. */
  tools?: ReactNode;
  /** Its values, asked for once it is open. */
  children(): ReactNode;
};

export function FieldRow({ name, label, share, startsOpen, tools, children }: RowProps) {
  const [open, setOpen] = useState(startsOpen);
  const id = useId();
  return (
    <div className={styles.field}>
      <div className={styles.fieldHead}>
        <button
          type="button"
          className={styles.toggle}
          aria-expanded={open}
          aria-controls={id}
          title={visible(name)}
          onClick={() => setOpen(!open)}
        >
          <ChevronRight size={14} aria-hidden="true" />
          <bdi className={styles.label}>{visible(label)}</bdi>
          {share !== null && <span className={styles.count}>{formatPercent(share)}</span>}
        </button>
        {tools && <span className={styles.fieldTools}>{tools}</span>}
      </div>
      <div id={id}>{open && children()}</div>
    </div>
  );
}

export function FieldNote({ children, alert }: { children: ReactNode; alert?: boolean }) {
  return (
    <p className={styles.note} role={alert ? "alert" : undefined}>
      {children}
    </p>
  );
}

/** A failure within the list, to be tried again. */
export function FieldFault({ text, onRetry }: { text: string; onRetry(): void }) {
  return (
    <FieldNote alert>
      {text}{" "}
      <button type="button" className={styles.link} onClick={onRetry}>
        Retry
      </button>
    </FieldNote>
  );
}

type ValueProps = {
  name: string;
  /** The terms that keep it and leave it out. */
  keep: string;
  drop: string;
  value: string;
  /** Only its beginning is known. */
  cut: boolean;
  count: number;
  rows: number;
  q: string;
  onEdit(q: string): void;
};

export function FieldValue({ name, keep, drop, value, cut, count, rows, q, onEdit }: ValueProps) {
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
