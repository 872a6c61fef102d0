/** The SQL workbench: editor, rows as they come, charts, plan; the text is in the address. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Play, Square, Telescope } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTimeRange } from "../app/context";
import { useKeys } from "../app/keys";
import { Button } from "../kit/Button";
import { PageFrame } from "../kit/PageFrame";
import { formatted } from "../kit/sqllayout";
import { useStore } from "../kit/store";
import { Tooltip } from "../kit/Tooltip";
import { useCatalogue } from "./catalogue";
import type { EditorHandle, Mark } from "./Editor";
import styles from "./Page.module.css";
import { Results } from "./Results";
import { RunStatus } from "./RunStatus";
import { currentRun, type Run, start, stop } from "./run";
import { SidePane } from "./SidePane";
import { Splitter, useSplit } from "./Splitter";
import { type Side, type SqlSearch, sqlSearch, type View } from "./search";
import { explained, statementAt, utf16Index, wordEnd } from "./statements";
import { rememberRun } from "./stored";

const Editor = lazy(() => import("./Editor"));

const WRITE_AFTER_MS = 500;
const APPLE = /Mac|iP(hone|ad)/.test(navigator.platform);

/** The editor's text and the address, each following the other. */
function useText(search: SqlSearch, change: (part: SqlSearch, push: boolean) => void) {
  const [text, setText] = useState(search.sql ?? "");
  const written = useRef(search.sql ?? "");
  /** The next change of the text is a new step in the history: what was run stays behind it. */
  const step = useRef(false);
  const latest = useRef(text);
  latest.current = text;

  const write = useCallback(() => {
    if (latest.current === written.current) return;
    written.current = latest.current;
    change(
      { sql: latest.current === "" ? undefined : latest.current, run: undefined },
      step.current,
    );
    step.current = false;
  }, [change]);

  useEffect(() => {
    if (text === written.current) return;
    const timer = setTimeout(write, WRITE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text, write]);

  const asked = search.sql ?? "";
  useEffect(() => {
    if (asked === written.current) return;
    written.current = asked;
    setText(asked);
  }, [asked]);

  return { text, setText, write, ran: () => (step.current = true) };
}

export function Page() {
  const search = useSearch({
    strict: false,
    select: sqlSearch,
    structuralSharing: true,
  }) as SqlSearch;
  const navigate = useNavigate();
  const change = useCallback(
    (part: SqlSearch, push: boolean) => {
      const next = (old: object) => ({ ...old, ...part }) as never;
      navigate({ to: ".", search: next, replace: !push, resetScroll: false });
    },
    [navigate],
  );
  const { text, setText, write, ran } = useText(search, change);
  const { from, to } = useTimeRange();
  const range = useMemo(() => ({ from, to }), [from, to]);
  const catalogue = useCatalogue(range);
  const stored = useStore(currentRun);
  // The rows of an earlier visit are shown again while the text still has their statement.
  const run =
    stored !== null && (stored.phase === "running" || text.includes(stored.sql)) ? stored : null;
  const editor = useRef<EditorHandle>(null);
  const [side] = useState<Side>(text === "" ? "starters" : "tables");
  const split = useSplit("sql.split", 220);

  const execute = useCallback(
    async (sql: string, at: number, explain: boolean) => {
      write();
      ran();
      const done = await start(sql, at, explain);
      if (explain) return;
      const outcome =
        done.phase === "done" ? "ok" : done.phase === "stopped" ? "stopped" : "failed";
      rememberRun({ sql, at: Date.now(), elapsedMs: done.elapsedMs, rows: done.count, outcome });
    },
    [write, ran],
  );

  const go = useCallback(
    (explain: boolean) => {
      const chosen = editor.current?.selection() ?? { text: "", from: text.length };
      const selected = chosen.text.trim();
      const statement =
        selected === ""
          ? statementAt(text, chosen.from)
          : { text: selected, from: chosen.from + chosen.text.indexOf(selected) };
      if (statement !== null) void execute(statement.text, statement.from, explain);
    },
    [text, execute],
  );

  // `run=1` in the address: the link wants the rows at once.
  const started = useRef(false);
  useEffect(() => {
    if (started.current || search.run !== true || text === "") return;
    started.current = true;
    const statement = statementAt(text, text.length);
    const kept = currentRun.get();
    if (statement !== null && kept?.sql !== statement.text)
      void execute(statement.text, statement.from, false);
  }, [search.run, text, execute]);

  const running = run?.phase === "running";
  useKeys([
    {
      keys: "mod+Enter",
      name: "Run the statement",
      group: "SQL",
      inFields: true,
      run: () => go(false),
    },
    { keys: "mod+.", name: "Stop the query", group: "SQL", inFields: true, run: () => void stop() },
    {
      keys: "mod+Shift+f",
      name: "Lay out the statements",
      group: "SQL",
      inFields: true,
      run: () => editor.current?.replace(formatted(text)),
    },
    {
      keys: "/",
      name: "To the editor",
      group: "SQL",
      quiet: true,
      run: () => editor.current?.focus(),
    },
  ]);
  const mark = useMemo(() => markOf(run, text), [run, text]);
  const open = (sql: string) => {
    setText(sql);
    void execute(sql, 0, false);
    editor.current?.focus();
  };

  return (
    <PageFrame title="SQL" bare fill className={styles.page}>
      <SidePane
        side={search.side ?? side}
        onSide={(side: Side) => change({ side }, false)}
        catalogue={catalogue}
        onInsert={(name) => editor.current?.insert(name)}
        onOpen={open}
      />
      <div
        className={styles.main}
        style={{ gridTemplateRows: `${split.size}px 8px minmax(160px, 1fr)` }}
      >
        <section className={styles.top} aria-label="Statement">
          <div className={styles.bar}>
            {running ? (
              <Button
                look="danger"
                icon={<Square size={14} aria-hidden />}
                onClick={() => void stop()}
              >
                Stop <kbd>{APPLE ? "⌘." : "Ctrl ."}</kbd>
              </Button>
            ) : (
              <Button
                look="primary"
                icon={<Play size={14} aria-hidden />}
                disabled={text.trim() === ""}
                onClick={() => go(false)}
              >
                Run <kbd>{APPLE ? "⌘↵" : "Ctrl ↵"}</kbd>
              </Button>
            )}
            <Tooltip text="Run it and show what each operator did (EXPLAIN ANALYZE)">
              <Button
                icon={<Telescope size={14} aria-hidden />}
                disabled={running || text.trim() === ""}
                onClick={() => go(true)}
              >
                Explain
              </Button>
            </Tooltip>
            <RunStatus run={run} />
          </div>
          <Suspense fallback={<pre className={styles.plain}>{text}</pre>}>
            <Editor
              ref={editor}
              text={text}
              catalogue={catalogue}
              mark={mark}
              onChange={setText}
              onRun={() => go(false)}
              onStop={() => void stop()}
            />
          </Suspense>
        </section>
        <Splitter split={split} label="Height of the editor" />
        <Results
          blank={text.trim() === ""}
          run={run}
          view={search.view ?? "table"}
          onView={(view: View) => change({ view }, false)}
          onRun={() => go(false)}
        />
      </div>
    </PageFrame>
  );
}

/** Where the failure of `run` is in `text`, when the statement still stands there. */
function markOf(run: Run | null, text: string): Mark | null {
  const offset = run?.failure?.offset ?? null;
  if (run === null || run.failure === null || offset === null) return null;
  if (!text.startsWith(run.sql, run.from)) return null;
  const added = run.explain ? explained(run.sql).length - run.sql.length : 0;
  const at = run.from + utf16Index(run.sql, Math.max(0, offset - added));
  const message = run.failure.message.split("\n")[0] ?? "";
  const hint = run.failure.hint === null ? "" : `\n${run.failure.hint}`;
  return { from: at, to: wordEnd(text, at), message: message.slice(0, 300) + hint };
}
