/** Fields of all matches, not of a sample: who has them, how many values, which are the most frequent. */
import { useQuery } from "@tanstack/react-query";
import { Columns3 } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { isFilterError } from "../api/client";
import { logFieldsQuery } from "../api/queries";
import type { LogField } from "../api/types";
import { type Pin, pinned } from "../app/place";
import { IconButton } from "../kit/Button";
import { type FieldAsk, FieldValues } from "../kit/FieldList";
import listStyles from "../kit/FieldList.module.css";
import {
  FieldFault,
  FieldFrame,
  FieldGroup,
  FieldNote,
  FieldRow,
  FieldValue,
} from "../kit/FieldParts";
import { formatCount, plural, visible } from "../kit/format";
import { type Column, hasColumn, toggled } from "./columns";
import { fieldGroups, levelOf } from "./fieldgroups";

const LIMIT = 500;
const TOP = 8;
const OPEN = ["level", "service"];

type Props = FieldAsk & {
  pin: Pin;
  columns: readonly Column[];
  onColumns(columns: Column[]): void;
  onEdit(q: string): void;
};

export function Fields({ pin, columns, onColumns, onEdit, ...ask }: Props) {
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search);
  const { from, to } = ask.range;
  const asked = { from, to, q: ask.sent, limit: LIMIT, top: TOP };
  const query = useQuery(pinned(logFieldsQuery(asked), pin));
  const refused = isFilterError(query.error);
  const total = query.data?.total ?? 0;
  const groups = refused ? [] : fieldGroups(query.data?.fields ?? [], wanted);
  return (
    <FieldFrame search={search} onSearch={setSearch}>
      {refused && <FieldNote>Nothing is counted: the filter is not understood.</FieldNote>}
      {groups.map(({ label, fields }) => (
        <FieldGroup key={label} label={label} count={fields.length}>
          {fields.map((field) => (
            <FieldRow
              key={field.key}
              name={`${field.key}: ${about(field)}`}
              label={field.key}
              share={field.level === "field" || total === 0 ? null : field.present / total}
              startsOpen={OPEN.includes(field.key)}
              tools={
                field.key !== "level" &&
                field.key !== "service" && (
                  <IconButton
                    label={`Column ${visible(field.key)}`}
                    icon={<Columns3 size={14} aria-hidden />}
                    aria-pressed={hasColumn(columns, field.key)}
                    onClick={() => onColumns(toggled(columns, field.key))}
                  />
                )
              }
            >
              {() => <Values field={field} ask={ask} total={total} onEdit={onEdit} />}
            </FieldRow>
          ))}
        </FieldGroup>
      ))}
      {query.data?.complete === false && (
        <FieldNote>There are more keys than are counted: not all are listed.</FieldNote>
      )}
      {query.isPending && <FieldNote>Counting fields…</FieldNote>}
      {query.isError && !refused && (
        <FieldFault
          text={`Fields could not be counted: ${query.error.message}`}
          onRetry={() => query.refetch()}
        />
      )}
      {query.isSuccess && groups.length === 0 && (
        <FieldNote>
          {total === 0 ? "No record matches." : `No field has “${wanted}” in its name.`}
        </FieldNote>
      )}
    </FieldFrame>
  );
}

/** How many values of which type, in how many records. */
function about({ present, distinct, distinct_exact, type }: LogField): string {
  const values = `${distinct_exact ? "" : "about "}${plural(distinct, "value")}`;
  return `${values} · ${type} · in ${plural(present, "record")}`;
}

type ValuesProps = { field: LogField; ask: FieldAsk; total: number; onEdit(q: string): void };

function Values({ field, ask, total, onEdit }: ValuesProps) {
  const [more, setMore] = useState(false);
  if (more) {
    const { key, level } = levelOf(field);
    return (
      <FieldValues
        field={{ name: field.key, key, ...(level ? { level } : {}) }}
        ask={ask}
        first={50}
        onEdit={onEdit}
      />
    );
  }
  const hidden = field.distinct - field.top.length;
  return (
    <div className={listStyles.values}>
      <FieldNote>{about(field)}</FieldNote>
      <ul>
        {field.top.map(({ value, cut, count, keep, drop }, at) => (
          <FieldValue
            // Values that are cut may begin alike.
            key={keep ?? at}
            name={field.key}
            rows={total}
            q={ask.q}
            keep={keep ?? ""}
            drop={drop ?? ""}
            {...{ value, cut, count, onEdit }}
          />
        ))}
      </ul>
      {!field.top_exact && <FieldNote>So many at least; others may be as frequent.</FieldNote>}
      {hidden > 0 && (
        <button type="button" className={listStyles.link} onClick={() => setMore(true)}>
          {field.distinct_exact ? "" : "about "}
          {formatCount(hidden)} more values
        </button>
      )}
    </div>
  );
}
