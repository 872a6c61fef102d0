import { Search } from "lucide-react";
import { useMemo, useState } from "react";
import type { Span } from "../../api/types";
import { Button } from "../../kit/Button";
import { formatCount } from "../../kit/format";
import { Input } from "../../kit/Input";
import { VirtualRows } from "../../kit/VirtualRows";
import { entriesOf, type Level, searched } from "../attributes";
import { AttributeRow } from "./AttributeRow";
import styles from "./SpanPane.module.css";

const LEVELS: readonly Level[] = ["span", "resource", "scope"];
const ROW = 24;

/** Attributes of the span, its resource and its scope in one list. */
export function Attributes({ span }: { span: Span }) {
  const [text, setText] = useState("");
  const [off, setOff] = useState<ReadonlySet<Level>>(new Set());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const entries = useMemo(() => entriesOf(span), [span]);
  const shown = useMemo(() => searched(entries, text, off), [entries, text, off]);
  const toggle = <T,>(set: ReadonlySet<T>, value: T): ReadonlySet<T> => {
    const next = new Set(set);
    if (!next.delete(value)) next.add(value);
    return next;
  };
  return (
    <>
      <div className={styles.tools}>
        <Input
          label="Find in the attributes"
          placeholder="Find key or value…"
          icon={<Search size={14} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.target.value)}
          style={{ width: 140 }}
        />
        {LEVELS.map((level) => {
          const count = entries.filter((entry) => entry.level === level).length;
          return count === 0 ? null : (
            <Button
              key={level}
              look="quiet"
              aria-pressed={!off.has(level)}
              onClick={() => setOff(toggle(off, level))}
            >
              {level} {formatCount(count)}
            </Button>
          );
        })}
      </div>
      {shown.length === 0 ? (
        <p className={styles.note}>
          {entries.length === 0 ? "This span has no attributes." : "No attribute matches."}
        </p>
      ) : (
        <VirtualRows
          label="Attributes"
          count={shown.length}
          total={shown.length}
          rowHeight={ROW}
          listKey={`${text} ${[...off].join()}`}
          rowKey={(index) => shown[index]?.id ?? ""}
          measured={(index) => open.has(shown[index]?.id ?? "")}
          onNearEnd={() => {}}
          row={(index, tabIndex) => {
            const entry = shown[index];
            return (
              entry && (
                <AttributeRow
                  entry={entry}
                  open={open.has(entry.id)}
                  tabIndex={tabIndex}
                  onToggle={() => setOpen(toggle(open, entry.id))}
                />
              )
            );
          }}
        />
      )}
    </>
  );
}
