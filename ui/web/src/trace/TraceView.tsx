import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { spanQuery } from "../api/queries";
import type { Receipt } from "../api/types";
import { announce } from "../app/announce";
import { useKeys } from "../app/keys";
import { ReceiptLine } from "../kit/ReceiptLine";
import { useSlots } from "../kit/services";
import { FlameView } from "./FlameView";
import { firstAfter, nextInOrder } from "./find";
import { type Command, PAGE_KEYS } from "./keys";
import { errorCount, errorRows, isShown, serviceFacts, timeBounds, traceSlots } from "./model";
import { StatisticsTable } from "./StatisticsTable";
import type { Marks } from "./scene";
import { type TraceSearch, VIEWS } from "./search";
import type { Trace, TraceSession } from "./session";
import { referenceOf, rowOfReference, spanIdOf } from "./skeleton";
import { SpanPane } from "./span/SpanPane";
import { Toolbar } from "./Toolbar";
import { TraceHeader } from "./TraceHeader";
import { TraceLogs } from "./TraceLogs";
import styles from "./TraceView.module.css";
import type { Forest } from "./tree";
import { useEvent } from "./useEvent";
import { useSetSearch } from "./useNavigation";
import { useFind } from "./useTrace";
import { WaterfallView } from "./WaterfallView";
import type { Waterfall } from "./waterfall";

interface Props {
  id: string;
  session: TraceSession;
  trace: Trace;
  search: TraceSearch;
  receipt: Receipt | null;
}

/** Ms that the keyboard rests on a row before its span is fetched. */
const MOVE_PAUSE_MS = 100;

export function TraceView({ id, session, trace, search, receipt }: Props) {
  const { skeleton } = trace.opened;
  const { forest } = trace.structure;
  const setSearch = useSetSearch();
  const registry = useSlots();
  const slots = useMemo(() => traceSlots(skeleton.services, registry), [skeleton, registry]);
  const services = useMemo(() => serviceFacts(skeleton, slots), [skeleton, slots]);
  const { opened, structure, root } = trace;
  const bounds = useMemo(() => timeBounds({ opened, structure, root }), [opened, structure, root]);
  const hidden = useMemo(
    () => new Set((search.hide ?? []).map((name) => skeleton.services.indexOf(name))),
    [search.hide, skeleton],
  );
  const selected = useMemo(
    () => (search.span ? rowOfReference(skeleton, search.span) : -1),
    [skeleton, search.span],
  );
  const errors = errorCount(trace);
  const find = useFind(id, session, search.find ?? "", forest);
  // The row that has the keyboard; what follows it is drawn without React.
  const active = useRef(selected);
  const [place, setPlace] = useState(0);
  const waterfall = useRef<Waterfall | null>(null);
  const findField = useRef<HTMLInputElement>(null);
  const view = search.view ?? "waterfall";

  const ordered = trace.found?.ordered;
  const activate = useCallback(
    (node: number) => {
      active.current = node;
      setPlace(ordered ? placeOf(forest, ordered, node) : 0);
    },
    [forest, ordered],
  );
  useEffect(() => activate(active.current), [activate]);
  const reveal = useEvent((node: number) => {
    activate(node);
    waterfall.current?.reveal(node);
    void session.act({ kind: "reveal", node });
  });
  const onReady = useCallback((created: Waterfall | null) => {
    waterfall.current = created;
  }, []);
  // The span of the address, or the one reached before, is brought into view when the page or its
  // waterfall opens.
  // biome-ignore lint/correctness/useExhaustiveDependencies: not when another span is chosen
  useEffect(() => {
    const node = selected >= 0 ? selected : active.current;
    if (node >= 0 && node < forest.spans && view === "waterfall") reveal(node);
  }, [reveal, view]);

  const open = (node: number) => {
    activate(node);
    if (node >= forest.spans) void session.act({ kind: "toggle", node });
    else setSearch({ span: referenceOf(skeleton, node) });
  };
  const goTo = (node: number) => {
    setSearch({ span: referenceOf(skeleton, node), view: undefined });
    reveal(node);
  };
  const moving = useRef(0);
  const move = (node: number) => {
    activate(node);
    clearTimeout(moving.current);
    if (selected < 0 || node >= forest.spans) return;
    moving.current = window.setTimeout(
      () => setSearch({ span: referenceOf(skeleton, node) }, "replace"),
      MOVE_PAUSE_MS,
    );
  };
  const close = () => {
    setSearch({ span: undefined, tab: undefined });
    waterfall.current?.focus();
  };
  const step = useEvent((what: "match" | "error", by: 1 | -1) => {
    const list = what === "match" ? ordered : errorRows(trace);
    if (!list) return;
    const node = nextInOrder(forest, list, active.current, by, (one) =>
      isShown(trace, hidden, one),
    );
    if (node < 0) {
      announce(what === "error" ? "No errors in what is shown" : "No matches in what is shown");
      return;
    }
    reveal(node);
    if (view !== "waterfall" || selected >= 0) {
      setSearch({ view: undefined, span: selected >= 0 ? referenceOf(skeleton, node) : undefined });
    }
  });
  const toList = useCallback(() => waterfall.current?.focus(), []);

  const run = (command: Command) => {
    if (command === "next-error" || command === "previous-error") {
      step("error", command === "next-error" ? 1 : -1);
    } else if (command === "next-match" || command === "previous-match") {
      step("match", command === "next-match" ? 1 : -1);
    } else if (command === "close-level" || command === "open-level") {
      void session.act({ kind: "level", close: command === "close-level" });
    } else if (command === "path") setSearch({ path: search.path ? undefined : true });
    else if (command === "view") {
      const next = VIEWS[(VIEWS.indexOf(view) + 1) % VIEWS.length];
      setSearch({ view: next === "waterfall" ? undefined : next });
    } else if (waterfall.current) waterfall.current.run(command);
    else if (command === "open" && active.current >= 0) open(active.current);
  };
  useKeys([
    ...PAGE_KEYS.map(({ keys, name, command }) => ({
      keys,
      name,
      group: "Trace",
      run: () => run(command),
    })),
    {
      keys: "mod+f",
      name: "Find in this trace",
      group: "Trace",
      run: () => {
        if (view !== "waterfall") setSearch({ view: undefined });
        // The field is there once the waterfall is.
        requestAnimationFrame(() => findField.current?.select());
      },
    },
    ...(selected >= 0
      ? [{ keys: "Escape", name: "Close the span", group: "Trace", run: close }]
      : []),
  ]);

  const asked = useQuery({
    ...spanQuery(id, selected, selected >= 0 ? spanIdOf(skeleton, selected) : ""),
    enabled: selected >= 0,
  });
  const marks = useMarks(trace, selected, asked.isPlaceholderData ? undefined : asked.data);
  return (
    <>
      <TraceHeader
        id={id}
        opened={opened}
        structure={structure}
        root={root}
        errors={errors}
        slots={slots}
        view={view}
        adjusted={search.skew === true}
        setSearch={setSearch}
      />
      <div className={styles.body}>
        <div className={styles.main}>
          {view === "waterfall" && (
            <Toolbar
              search={search}
              setSearch={setSearch}
              services={services}
              errors={errors}
              hasSkew={trace.opened.skew.length > 0}
              place={place}
              count={ordered?.length ?? 0}
              pending={find.pending}
              findError={find.error}
              findRef={findField}
              onStep={step}
              onList={toList}
            />
          )}
          {view === "waterfall" && (
            <WaterfallView
              session={session}
              trace={trace}
              slots={slots}
              bounds={bounds}
              zoom={search.zoom}
              selected={selected}
              marks={marks}
              showPath={search.path === true || search.only === "critical"}
              filtered={hidden.size > 0 || search.only !== undefined}
              hidden={hidden}
              setSearch={setSearch}
              onOpen={open}
              onMove={move}
              onReady={onReady}
            />
          )}
          {view === "flame" && (
            <FlameView
              session={session}
              trace={trace}
              slots={slots}
              mode={search.flame ?? "time"}
              selected={selected}
              setSearch={setSearch}
              onOpen={open}
            />
          )}
          {view === "table" && (
            <StatisticsTable
              session={session}
              trace={trace}
              slots={slots}
              sort={search.sort}
              setSearch={setSearch}
              onOpen={goTo}
            />
          )}
          {view === "logs" && (
            <TraceLogs id={id} trace={trace} slots={slots} onOpen={(span) => setSearch({ span })} />
          )}
          {receipt && view !== "logs" && <ReceiptLine receipt={receipt} />}
        </div>
        {selected >= 0 && (
          <SpanPane
            id={id}
            trace={trace}
            row={selected}
            slots={slots}
            tab={search.tab}
            answer={asked.isPlaceholderData ? undefined : asked.data}
            error={asked.error}
            onRetry={() => void asked.refetch()}
            onClose={close}
            onGoTo={goTo}
            setSearch={setSearch}
          />
        )}
      </div>
    </>
  );
}

/** Where the open span's events are, and how long its operation usually takes. */
function useMarks(
  trace: Trace,
  row: number,
  answer: { span: { events: { time: string }[] }; percentile: Marks["usual"] } | undefined,
): Marks | null {
  return useMemo(() => {
    if (row < 0 || !answer) return null;
    const { skeleton } = trace.opened;
    const moved = trace.structure.start[row]! - skeleton.start[row]!;
    const events = answer.span.events.map(
      ({ time }) => Number(BigInt(time) - skeleton.traceStart) + moved,
    );
    return { row, events, usual: answer.percentile };
  }, [trace.opened, trace.structure, row, answer]);
}

/** Which of the matches the node is, from 1; 0 when it is none. */
function placeOf(forest: Forest, ordered: Int32Array, node: number): number {
  if (node < 0) return 0;
  const after = firstAfter(forest, ordered, forest.position[node] ?? -1);
  return ordered[after - 1] === node ? after : 0;
}
