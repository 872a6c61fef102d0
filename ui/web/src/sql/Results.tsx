/** What came of a run: rows, chart or plan, with its error and its receipt. */
import { BarChart3, ChartLine, ChartScatter, Table2 } from "lucide-react";
import { useState } from "react";
import { Button } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { formatCount } from "../kit/format";
import { Panel } from "../kit/Panel";
import { copyText } from "../kit/Values";
import { chartsFor } from "./chart";
import { ExportMenu } from "./ExportMenu";
import styles from "./Page.module.css";
import { PlanView } from "./PlanView";
import { ResultChart } from "./ResultChart";
import { ResultTable } from "./ResultTable";
import type { Run } from "./run";
import type { View } from "./search";
import type { Value } from "./stream";
import { ValuePane } from "./ValuePane";

type Props = {
  run: Run | null;
  /** There is no statement yet. */
  blank: boolean;
  view: View;
  onView(view: View): void;
  onRun(): void;
};

const VIEWS: [View, string, typeof Table2][] = [
  ["table", "Table", Table2],
  ["line", "Line", ChartLine],
  ["bar", "Bar", BarChart3],
  ["scatter", "Scatter", ChartScatter],
];

export function Results({ run, blank, view, onView, onRun }: Props) {
  const [said, setSaid] = useState("");
  if (run === null) {
    return (
      <Panel fill flush>
        <Empty
          title={blank ? "Ask in SQL" : "Run the statement to see its rows"}
          detail={
            blank
              ? "Write a statement, or take one of the starters. Names and attribute keys are completed as you type; statements only read."
              : "⌘↵ or Ctrl+Enter runs the statement under the cursor, or what is selected."
          }
        >
          {!blank && (
            <Button look="primary" onClick={onRun}>
              Run
            </Button>
          )}
        </Empty>
      </Panel>
    );
  }
  const charts = chartsFor(run.columns);
  const possible = new Set<View>(["table", ...charts.map(({ kind }) => kind)]);
  const shown = possible.has(view) ? view : "table";
  const explain = run.explain || isPlan(run);
  return (
    <Panel
      fill
      flush
      title={explain ? "Plan" : "Result"}
      receipt={run.receipt}
      actions={
        run.count > 0 && (
          <>
            <span className={styles.said} aria-live="polite">
              {said}
            </span>
            {!explain && <ViewSwitch shown={shown} possible={possible} onView={onView} />}
            <ExportMenu run={run} onSaid={setSaid} />
          </>
        )
      }
    >
      {run.failure !== null && <Failed run={run} />}
      {run.receipt?.truncated === true && (
        <p className={styles.note}>
          ▲ The server cut the answer at a limit: {formatCount(run.count)} rows are here.
        </p>
      )}
      <Content run={run} shown={shown} explain={explain} onSaid={setSaid} />
    </Panel>
  );
}

type SwitchProps = { shown: View; possible: Set<View>; onView(view: View): void };

function ViewSwitch({ shown, possible, onView }: SwitchProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's
    <div className={styles.switch} role="group" aria-label="Show as">
      {VIEWS.map(([value, text, Icon]) => (
        <Button
          key={value}
          aria-pressed={shown === value}
          disabled={!possible.has(value)}
          title={
            possible.has(value)
              ? undefined
              : `These columns cannot be drawn as ${text.toLowerCase()}`
          }
          icon={<Icon size={14} aria-hidden />}
          onClick={() => onView(value)}
        >
          {text}
        </Button>
      ))}
    </div>
  );
}

function isPlan(run: Run): boolean {
  return run.columns.length === 2 && run.columns[0]?.name === "plan_type";
}

type ContentProps = { run: Run; shown: View; explain: boolean; onSaid(text: string): void };

function Content({ run, shown, explain, onSaid }: ContentProps) {
  const [open, setOpen] = useState<{ row: Value[]; column: number; of: Run["columns"] } | null>(
    null,
  );
  if (run.columns.length === 0) {
    if (run.failure !== null) return null;
    const waiting = run.phase === "running";
    return <Empty title={waiting ? "Running…" : "Stopped before the first row"} />;
  }
  if (explain) return <PlanView rows={run.rows.slice(0, run.count)} />;
  if (run.count === 0 && run.phase !== "running") {
    return (
      <Empty
        title="No rows"
        detail="The statement is fine; nothing satisfies it. Look at its time range first."
      />
    );
  }
  const spec = chartsFor(run.columns).find(({ kind }) => kind === shown);
  if (spec !== undefined) {
    return (
      <ResultChart
        key={`${run.id} ${shown}`}
        columns={run.columns}
        rows={run.rows}
        count={run.count}
        spec={spec}
      />
    );
  }
  const pane = open !== null && open.of === run.columns ? open : null;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the value beside the rows
    <div
      className={styles.rows}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || pane === null) return;
        event.stopPropagation();
        setOpen(null);
      }}
    >
      <ResultTable
        columns={run.columns}
        rows={run.rows}
        count={run.count}
        running={run.phase === "running"}
        onOpen={(row, column) => setOpen({ row, column, of: run.columns })}
        onCopy={(text, what) => {
          copyText(text).then((done) =>
            onSaid(done ? `Copied the ${what}` : "The clipboard is not open to this page"),
          );
        }}
      />
      {pane !== null && (
        <ValuePane
          key={pane.column}
          columns={run.columns}
          row={pane.row}
          column={pane.column}
          onColumn={(column) => setOpen({ ...pane, column })}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

/** A list of all columns after a wrong name is too long to read at once. */
const SHORT = 240;

function Failed({ run }: { run: Run }) {
  const { failure } = run;
  if (failure === null) return null;
  const long = failure.message.length > SHORT;
  return (
    <div className={styles.failure} role="alert">
      <span aria-hidden>⬢</span>
      <div>
        {long ? (
          <details>
            <summary>{failure.message.split("\n")[0]?.slice(0, SHORT)}</summary>
            <p>{failure.message}</p>
          </details>
        ) : (
          <p>{failure.message}</p>
        )}
        {failure.hint !== null && <p className={styles.hint}>{failure.hint}</p>}
      </div>
      <code>{failure.code}</code>
    </div>
  );
}
