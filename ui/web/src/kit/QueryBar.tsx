/** The filter of the address: a field with completion, and its parts as chips. */
import { Search, X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import type { CompletionOption, Table } from "../api/types";
import { useContext, useSetContext } from "../app/context";
import { markedEnd, unitOf } from "./filter";
import { formatCompact, visible } from "./format";
import styles from "./QueryBar.module.css";
import { QueryChips } from "./QueryChips";
import { useCompletion } from "./useCompletion";
import { type FilterError, useFilter, useFilterError } from "./useFilter";

const EXAMPLES: Record<Table, string> = {
  spans: 'service:checkout status:error duration>250ms "card declined"',
  logs: 'level:>=warn service:checkout "timeout"',
  metrics: "service:checkout",
};

export function QueryBar({ table }: { table: Table }) {
  const { q = "" } = useContext();
  const setContext = useSetContext();
  const error = useFilterError(useFilter(table));
  const [text, setText] = useState(q);
  const [caret, setCaret] = useState(q.length);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => setText(q), [q]);

  const completion = useCompletion(table, text, caret, open);
  const options = completion?.options ?? [];
  const close = () => {
    setOpen(false);
    setActive(-1);
  };
  const search = (next: string) => {
    close();
    setText(next);
    if (next.trim() !== q) setContext({ q: next.trim() || undefined });
  };
  const accept = (option: CompletionOption | undefined) => {
    if (!completion || !option) return;
    const applied = completion.apply(option);
    setText(applied.text);
    setCaret(applied.caret);
    setActive(-1);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(applied.caret, applied.caret);
    });
  };
  const onKey = (event: KeyboardEvent) => {
    const last = options.length - 1;
    const complete = event.key === " " && event.ctrlKey;
    if (complete || (event.key === "ArrowDown" && !open)) setOpen(true);
    else if (event.key === "ArrowDown") setActive(active >= last ? 0 : active + 1);
    else if (event.key === "ArrowUp" && open) setActive(active <= 0 ? last : active - 1);
    else if (event.key === "Enter" && active >= 0) accept(options[active]);
    else if (
      event.key === "Tab" &&
      open &&
      last >= 0 &&
      !event.shiftKey &&
      (active >= 0 || text !== q)
    )
      accept(options[Math.max(0, active)]);
    else if (event.key === "Escape" && open) {
      close();
      event.nativeEvent.stopImmediatePropagation();
    } else return;
    event.preventDefault();
  };
  const follow = () => setCaret(input.current?.selectionStart ?? text.length);
  return (
    <search className={styles.query}>
      <form
        className={styles.form}
        data-wrong={error !== null || undefined}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          search(text);
        }}
      >
        <Search size={14} aria-hidden />
        <span className={styles.field}>
          <ErrorMark text={text} error={text.trim() === q ? error : null} />
          <input
            ref={input}
            data-query
            role="combobox"
            aria-label={`Filter ${table}`}
            aria-expanded={options.length > 0}
            aria-controls={id}
            aria-autocomplete="list"
            aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
            aria-invalid={error !== null}
            aria-describedby={error ? `${id}-error` : undefined}
            placeholder={EXAMPLES[table]}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setCaret(event.target.selectionStart ?? event.target.value.length);
              setActive(-1);
              setOpen(true);
            }}
            onSelect={follow}
            onKeyDown={onKey}
            onBlur={close}
          />
        </span>
        {text.trim() !== q && <kbd title="Enter searches">↵</kbd>}
        {text !== "" && (
          <button type="button" aria-label="Clear the filter" onClick={() => search("")}>
            <X size={14} aria-hidden />
          </button>
        )}
      </form>
      {options.length > 0 && (
        <Options id={id} options={options} active={active} onPoint={setActive} onAccept={accept} />
      )}
      {error && (
        <p id={`${id}-error`} className={styles.error} role="alert">
          <span aria-hidden>⬢</span> {error.message}
          {error.hint && <small> {error.hint}</small>}
        </p>
      )}
      <QueryChips q={q} table={table} onChange={search} />
    </search>
  );
}

/** Lies under the field's text, letter by letter, and underlines what is wrong. */
function ErrorMark({ text, error }: { text: string; error: FilterError | null }) {
  if (!error || error.offset === null) return null;
  const start = unitOf(text, error.offset);
  const end = markedEnd(text, start);
  return (
    <span className={styles.mark} aria-hidden>
      {text.slice(0, start)}
      <u>{text.slice(start, end) || " "}</u>
    </span>
  );
}

interface OptionsProps {
  id: string;
  options: CompletionOption[];
  active: number;
  onPoint(at: number): void;
  onAccept(option: CompletionOption): void;
}

function Options({ id, options, active, onPoint, onAccept }: OptionsProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div ref={list} id={id} role="listbox" aria-label="Completions" className={styles.options}>
      {options.map((option, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the field's, as in any combobox
        <div
          key={`${option.kind} ${option.text}`}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === active}
          className={styles.option}
          onMouseDown={(event) => event.preventDefault()}
          onMouseMove={() => onPoint(at)}
          onClick={() => onAccept(option)}
        >
          <bdi>{visible(option.text)}</bdi>
          <small>{option.detail}</small>
          {option.count != null && <small>{formatCompact(option.count)}</small>}
        </div>
      ))}
    </div>
  );
}
