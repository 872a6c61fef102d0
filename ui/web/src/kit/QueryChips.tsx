import { X } from "lucide-react";
import type { Table } from "../api/types";
import { partsOf, turned, understood, without } from "./filter";
import { visible } from "./format";
import styles from "./QueryBar.module.css";

interface Props {
  q: string;
  table: Table;
  onChange(q: string): void;
}

/** The parts of the filter: each can be turned round or taken away. */
export function QueryChips({ q, table, onChange }: Props) {
  const parts = partsOf(q);
  if (parts.length === 0) return null;
  return (
    <ul className={styles.chips} aria-label="Parts of the filter">
      {parts.map((part) => {
        const used = understood(part, table);
        const text = part.text.replace(/^(-|NOT\s+)/, "");
        const turn = part.negated ? "Keep only these" : "Leave these out";
        return (
          <li
            key={`${part.start} ${part.text}`}
            className={styles.chip}
            data-negated={part.negated || undefined}
            data-unused={!used || undefined}
            title={used ? undefined : `Not about ${table}: kept for other pages`}
          >
            <button type="button" title={turn} onClick={() => onChange(turned(q, part))}>
              {part.negated && <b>not</b>}
              <bdi>{visible(text)}</bdi>
              {!used && <span className="hidden-text"> (not used here)</span>}
            </button>
            <button
              type="button"
              aria-label={`Remove ${part.text}`}
              onClick={() => onChange(without(q, part))}
            >
              <X size={12} aria-hidden />
            </button>
          </li>
        );
      })}
    </ul>
  );
}
