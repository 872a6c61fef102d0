/** Tables, columns and attribute keys; a click puts the name into the editor. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Search } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { keysQuery } from "../api/queries";
import type { AttributeLevel, Range, Table } from "../api/types";
import { formatCompact, visible } from "../kit/format";
import { Input } from "../kit/Input";
import type { Catalogue, Column } from "./catalogue";
import { attributeTable } from "./complete";
import styles from "./Side.module.css";

type Props = { catalogue: Catalogue; range: Range; onInsert(text: string): void };

export function SchemaBrowser({ catalogue, range, onInsert }: Props) {
  const [typed, setTyped] = useState("");
  const search = useDeferredValue(typed.trim().toLowerCase());
  return (
    <>
      <div className={styles.search}>
        <Input
          label="Find a table, column or attribute"
          placeholder="Find a column or attribute"
          icon={<Search size={14} aria-hidden />}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
      <ul className={styles.list} aria-label="Tables">
        {catalogue.tables.map((table, index) => (
          <TableItem
            key={table.name}
            name={table.name}
            columns={table.columns}
            search={search}
            range={range}
            startOpen={index === 0}
            onInsert={onInsert}
          />
        ))}
      </ul>
    </>
  );
}

type TableProps = {
  name: string;
  columns: Column[];
  search: string;
  range: Range;
  startOpen: boolean;
  onInsert(text: string): void;
};

function TableItem({ name, columns, search, range, startOpen, onInsert }: TableProps) {
  const [opened, setOpened] = useState(startOpen);
  const matches = (text: string) => search === "" || text.toLowerCase().includes(search);
  const found = columns.filter(
    (column) => !column.name.includes(".") && (matches(column.name) || matches(name)),
  );
  const attributes = attributeTable(name);
  const open = search === "" ? opened : true;
  return (
    <li>
      <div className={styles.table}>
        <button
          type="button"
          className={styles.twist}
          aria-expanded={open}
          aria-label={`${open ? "Close" : "Open"} ${name}`}
          onClick={() => setOpened(!opened)}
        >
          <ChevronRight size={14} aria-hidden />
        </button>
        <button
          type="button"
          className={styles.name}
          title="Insert the table's name"
          onClick={() => onInsert(name)}
        >
          <b>{name}</b>
          <span>{columns.length}</span>
        </button>
      </div>
      {open && (
        <ul>
          {found.map((column) => (
            <li key={column.name}>
              <button
                type="button"
                className={styles.column}
                title={column.doc ?? undefined}
                onClick={() => onInsert(column.name)}
              >
                <span>{column.name}</span>
                <span>{column.type}</span>
              </button>
            </li>
          ))}
          {attributes !== null && !name.startsWith("span_") && (
            <Keys table={attributes} range={range} search={search} onInsert={onInsert} />
          )}
        </ul>
      )}
    </li>
  );
}

const LEVELS: [AttributeLevel, string][] = [
  ["span", "attributes"],
  ["log", "attributes"],
  ["point", "attributes"],
  ["resource", "resource_attributes"],
  ["scope", "scope_attributes"],
];

type KeysProps = { table: Table; range: Range; search: string; onInsert(text: string): void };

function Keys({ table, range, search, onInsert }: KeysProps) {
  const answer = useQuery({ ...keysQuery({ ...range, table, limit: 1000 }), staleTime: 60_000 });
  const keys = (answer.data?.keys ?? []).filter(
    ({ key }) => search === "" || key.toLowerCase().includes(search),
  );
  return LEVELS.map(([level, column]) => {
    const own = keys.filter((key) => key.level === level);
    if (own.length === 0) return null;
    return (
      <li key={level} className={styles.level}>
        <h3>{level === "point" ? "data point" : level} attributes</h3>
        <ul>
          {own.map(({ key, types, count }) => (
            <li key={key}>
              <button
                type="button"
                className={styles.column}
                title={`${types.join(", ")}: in ${count} rows of the time range`}
                onClick={() => onInsert(`${column}['${key.replaceAll("'", "''")}']`)}
              >
                <bdi>{visible(key)}</bdi>
                <span>{formatCompact(count)}</span>
              </button>
            </li>
          ))}
        </ul>
      </li>
    );
  });
}
