/** One value in full, beside the rows. */
import { X } from "lucide-react";
import { useMemo, useState } from "react";
import type { Column } from "../api/types";
import { Button, IconButton } from "../kit/Button";
import { formatBytes, formatCount, visible } from "../kit/format";
import { Copy } from "../kit/Values";
import { valueText } from "./result";
import type { Value } from "./stream";
import styles from "./ValuePane.module.css";

type Props = {
  columns: Column[];
  row: Value[];
  column: number;
  onClose(): void;
  onColumn(column: number): void;
};

const CUT = 20_000;

export function ValuePane({ columns, row, column, onClose, onColumn }: Props) {
  const chosen = columns[column];
  const text = valueText(row[column]);
  const pretty = useMemo(() => indented(text), [text]);
  const [whole, setWhole] = useState(false);
  const shown = pretty ?? text;
  const cut = !whole && shown.length > CUT;
  if (chosen === undefined) return null;
  return (
    <aside className={styles.pane} aria-label="Value">
      <header>
        <select
          aria-label="Column"
          value={column}
          onChange={(event) => onColumn(Number(event.target.value))}
        >
          {columns.map((each, index) => (
            <option key={each.name} value={index}>
              {each.name}
            </option>
          ))}
        </select>
        <span className={styles.type}>
          {chosen.type} · {formatCount(text.length)}{" "}
          {text.length === 1 ? "character" : "characters"}
        </span>
        <Copy value={text} label="Copy value" />
        <IconButton label="Close" keys="Esc" icon={<X size={16} aria-hidden />} onClick={onClose} />
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region takes keys */}
      <pre tabIndex={0}>
        {row[column] === null || row[column] === undefined ? (
          <span className={styles.type}>NULL</span>
        ) : (
          <bdi>{lines(cut ? shown.slice(0, CUT) : shown)}</bdi>
        )}
      </pre>
      {cut && <Button onClick={() => setWhole(true)}>Show all {formatBytes(shown.length)}</Button>}
    </aside>
  );
}

/** JSON with indentation; null when `text` is no list or object. */
function indented(text: string): string | null {
  if (!/^\s*[[{]/.test(text) || text.length > 5_000_000) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

/** Lines stay lines; other control characters are made visible. */
function lines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}
