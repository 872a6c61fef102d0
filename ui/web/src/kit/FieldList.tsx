/** Fields beside a list: for each its top values over all matches, to keep or to drop. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { isFilterError } from "../api/client";
import { keysQuery, valuesQuery } from "../api/queries";
import type { Range, Table } from "../api/types";
import styles from "./FieldList.module.css";
import { FieldFault, FieldFrame, FieldGroup, FieldNote, FieldRow, FieldValue } from "./FieldParts";
import { type Field, groupFields } from "./fields";
import { dropTerm, keepTerm } from "./filterterms";
import { formatCount } from "./format";

/** What the values are counted of. */
export type FieldAsk = {
  table: Table;
  range: Range;
  /** The filter as the page sends it, and as the address has it: that one is edited. */
  sent: string;
  q: string;
};

type Props = FieldAsk & {
  builtin: Field[];
  /** Fields open at first, by name. */
  open: string[];
  onEdit(q: string): void;
};

/** Values asked for at first and after "more". */
const VALUES = { first: 8, more: 50 };

export function FieldList({ builtin, open, onEdit, ...ask }: Props) {
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search);
  const { table, range, sent } = ask;
  const keys = useQuery({
    ...keysQuery({ from: range.from, to: range.to, table, q: sent, limit: 1000 }),
    placeholderData: keepPreviousData,
  });
  const refused = isFilterError(keys.error);
  const groups = refused ? [] : groupFields(builtin, keys.data?.keys ?? [], wanted);
  const rows = keys.data?.rows ?? 0;
  return (
    <FieldFrame search={search} onSearch={setSearch}>
      {refused && <FieldNote>Nothing is counted: the filter is not understood.</FieldNote>}
      {groups.map(({ label, fields }) => (
        <FieldGroup key={label} label={label} count={fields.length}>
          {fields.map((field) => (
            <FieldRow
              key={field.name}
              name={field.name}
              label={field.label}
              share={field.count === null || rows === 0 ? null : field.count / rows}
              startsOpen={open.includes(field.name)}
            >
              {() => <FieldValues field={field} ask={ask} onEdit={onEdit} />}
            </FieldRow>
          ))}
        </FieldGroup>
      ))}
      {keys.isPending && <FieldNote>Looking for attributes…</FieldNote>}
      {keys.isError && !refused && (
        <FieldFault
          text={`Attributes could not be listed: ${keys.error.message}`}
          onRetry={() => keys.refetch()}
        />
      )}
      {keys.isSuccess && groups.length === 0 && (
        <FieldNote>No field has “{wanted}” in its name.</FieldNote>
      )}
    </FieldFrame>
  );
}

type ValuesProps = {
  field: Pick<Field, "name" | "key" | "level">;
  ask: FieldAsk;
  /** Values asked for at first. */
  first?: number;
  onEdit(q: string): void;
};

/** The most frequent values of a field, more of them on demand. */
export function FieldValues({ field, ask, first = VALUES.first, onEdit }: ValuesProps) {
  const [limit, setLimit] = useState(first);
  const { name, key, level } = field;
  const { from, to } = ask.range;
  const asked = { from, to, table: ask.table, q: ask.sent, key, limit };
  const { data, isPending, isError, error, isPlaceholderData, refetch } = useQuery(
    valuesQuery({ ...asked, ...(level ? { level } : {}) }),
  );
  if (isPending) return <FieldNote>Counting…</FieldNote>;
  if (isError) return <FieldFault text={error.message} onRetry={() => refetch()} />;
  const hidden = data.distinct - data.values.length;
  return (
    <div className={styles.values} data-dimmed={isPlaceholderData || undefined}>
      <ul>
        {data.values.map((each, at) => (
          <FieldValue
            // Values that are cut may begin alike.
            key={each.cut ? at : `${each.type}:${each.value}`}
            cut={each.cut}
            name={name}
            keep={keepTerm(name, each.value)}
            drop={dropTerm(name, each.value)}
            value={each.value}
            count={each.count}
            rows={data.rows}
            q={ask.q}
            onEdit={onEdit}
          />
        ))}
      </ul>
      {data.values.length === 0 && <FieldNote>No matching record has it.</FieldNote>}
      {hidden > 0 && limit < VALUES.more && (
        <button type="button" className={styles.link} onClick={() => setLimit(VALUES.more)}>
          {formatCount(hidden)} more values
        </button>
      )}
      {hidden > 0 && limit >= VALUES.more && (
        <FieldNote>and {formatCount(hidden)} rarer values</FieldNote>
      )}
    </div>
  );
}
