/** What stands left of the editor: tables, statements to begin with, what was run. */
import { Search, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { useTimeRange } from "../app/context";
import { Button, IconButton } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { formatAgo, formatCount, formatDuration } from "../kit/format";
import { Input } from "../kit/Input";
import type { Catalogue } from "./catalogue";
import { findRuns, type Ran } from "./history";
import { SchemaBrowser } from "./SchemaBrowser";
import styles from "./Side.module.css";
import type { Side } from "./search";
import { starters } from "./starters";
import { clearHistory, forgetRun, useHistory } from "./stored";

type Props = {
  side: Side;
  onSide(side: Side): void;
  catalogue: Catalogue;
  onInsert(text: string): void;
  /** Puts a whole text into the editor, and runs it. */
  onOpen(sql: string): void;
};

const TABS: [Side, string][] = [
  ["tables", "Tables"],
  ["starters", "Starters"],
  ["history", "History"],
];

export function SidePane({ side, onSide, catalogue, onInsert, onOpen }: Props) {
  const { from, to, range } = useTimeRange();
  const bounds = useMemo(() => ({ from, to }), [from, to]);
  return (
    <aside className={styles.side} aria-label="Tables, starters and history">
      <div className={styles.tabs} role="tablist" aria-label="Side">
        {TABS.map(([value, text]) => (
          <button
            key={value}
            type="button"
            role="tab"
            aria-selected={side === value}
            onClick={() => onSide(value)}
          >
            {text}
          </button>
        ))}
      </div>
      {side === "tables" && (
        <SchemaBrowser catalogue={catalogue} range={bounds} onInsert={onInsert} />
      )}
      {side === "starters" && (
        <ul className={styles.list} aria-label="Starter statements">
          {starters(range).map(({ title, detail, sql }) => (
            <li key={title}>
              <button type="button" className={styles.card} title={sql} onClick={() => onOpen(sql)}>
                <b>{title}</b>
                <span>{detail}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {side === "history" && <History onOpen={onOpen} />}
    </aside>
  );
}

function History({ onOpen }: { onOpen(sql: string): void }) {
  const runs = useHistory();
  const [search, setSearch] = useState("");
  const found = findRuns(runs, search);
  if (runs.length === 0) {
    return (
      <Empty
        title="Nothing was run yet"
        detail="Statements that you run are kept in this browser."
      />
    );
  }
  return (
    <>
      <div className={styles.search}>
        <Input
          label="Find in history"
          placeholder="Find in history"
          icon={<Search size={14} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      <ul className={styles.list} aria-label="History">
        {found.map((ran) => (
          <li key={ran.sql} className={styles.ran}>
            <button
              type="button"
              className={styles.card}
              title={ran.sql}
              onClick={() => onOpen(ran.sql)}
            >
              <code>{ran.sql.slice(0, 200)}</code>
              <span>{summary(ran)}</span>
            </button>
            <IconButton
              label="Forget this statement"
              icon={<Trash2 size={14} aria-hidden />}
              onClick={() => forgetRun(ran.sql)}
            />
          </li>
        ))}
        {found.length === 0 && <li className={styles.none}>No statement has these words.</li>}
      </ul>
      <footer className={styles.foot}>
        <Button look="quiet" onClick={clearHistory}>
          Forget all {formatCount(runs.length)}
        </Button>
      </footer>
    </>
  );
}

function summary({ at, elapsedMs, rows, outcome }: Ran): string {
  const ago = formatAgo(BigInt(at) * 1_000_000n, BigInt(Date.now()) * 1_000_000n);
  if (outcome !== "ok") return `${ago} · ${outcome}`;
  return `${ago} · ${formatCount(rows)} rows · ${formatDuration(elapsedMs * 1e6)}`;
}
