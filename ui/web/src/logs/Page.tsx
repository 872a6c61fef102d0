/** Logs: one filter, seen as volume by level, as counts of fields, and as records, patterns or a tail. */

import { PanelLeft } from "lucide-react";
import { useState } from "react";
import { isFilterError } from "../api/client";
import type { Level } from "../api/types";
import { useContext } from "../app/context";
import { useKeys } from "../app/keys";
import { usePlace } from "../app/place";
import { written } from "../app/range";
import { IconButton } from "../kit/Button";
import { hasTerm, keepTerm, withoutTerm, withTerm } from "../kit/filterterms";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { QueryBar } from "../kit/QueryBar";
import { Segmented } from "../kit/Segmented";
import { useFilter } from "../kit/useFilter";
import { ContextPanel } from "./ContextPanel";
import { useVolume } from "./data";
import { Fields } from "./Fields";
import styles from "./Page.module.css";
import { PatternsPanel } from "./PatternsPanel";
import { RecordsPanel } from "./RecordsPanel";
import { VIEWS, type View } from "./search";
import { TailPanel } from "./TailPanel";
import { useLogsSearch } from "./useLogsSearch";
import { VolumePanel } from "./VolumePanel";
import type { Visible } from "./volumecanvas";

const VIEW_TEXT: Record<View, string> = {
  records: "Records",
  patterns: "Patterns",
  tail: "Live tail",
};

export function Page() {
  const logs = useLogsSearch();
  const { search, set, columns, setColumns } = logs;
  const { view = "records", row, fields, around } = search;
  const { q = "" } = useContext();
  const place = usePlace(row !== undefined);
  const { pin } = place;
  const sent = useFilter("logs") ?? "";
  const filtered = { from: pin.from, to: pin.to, q: sent };
  const [visible, setVisible] = useState<Visible | null>(null);
  const setView = (next: View) =>
    set({ view: next === "records" ? undefined : next, row: undefined, around: undefined });
  useKeys([
    {
      keys: "v",
      name: "Next view: records, patterns, live tail",
      group: "Logs",
      run: () => setView(VIEWS[(VIEWS.indexOf(view) + 1) % VIEWS.length] ?? "records"),
    },
    {
      keys: "Shift+L",
      name: "Live tail, on or off",
      group: "Logs",
      run: () => setView(view === "tail" ? "records" : "tail"),
    },
    {
      keys: "o",
      name: "Lines around the record that has the focus",
      group: "Logs",
      run: () => {
        const id = focusedRecord();
        if (id) logs.openAround(id);
      },
    },
  ]);
  return (
    <PageFrame title="Logs" bare fill>
      <div className={styles.bar}>
        {around === undefined && (
          <IconButton
            label={fields === "off" ? "Show fields" : "Hide fields"}
            icon={<PanelLeft size={16} aria-hidden />}
            aria-pressed={fields !== "off"}
            onClick={() => set({ fields: fields === "off" ? undefined : "off" }, true)}
          />
        )}
        <QueryBar table="logs" />
        <Segmented
          label="View"
          value={view}
          choices={VIEWS.map((value) => ({ value, text: VIEW_TEXT[value] }))}
          onChange={setView}
        />
      </div>
      {around !== undefined ? (
        <ContextPanel id={around} q={sent} zone={pin.zone} logs={logs} />
      ) : (
        <div className={styles.columns}>
          {fields !== "off" && (
            <Panel fill flush className={styles.fields}>
              <Fields
                table="logs"
                range={filtered}
                sent={sent}
                q={q}
                pin={pin}
                columns={columns}
                onColumns={setColumns}
                onEdit={(text) => set({ q: text })}
              />
            </Panel>
          )}
          <div className={styles.main}>
            {view !== "tail" && (
              <Volume
                {...{ pin, filtered, q, set }}
                visible={view === "records" ? visible : null}
              />
            )}
            {view === "records" && (
              <RecordsPanel {...{ filtered, place, logs }} onVisible={setVisible} />
            )}
            {view === "patterns" && <PatternsPanel {...{ pin, filtered, q, logs }} />}
            {view === "tail" && <TailPanel q={sent} zone={pin.zone} logs={logs} />}
          </div>
        </div>
      )}
    </PageFrame>
  );
}

type VolumeProps = {
  pin: ReturnType<typeof usePlace>["pin"];
  filtered: { from: string; to: string; q: string };
  q: string;
  set: ReturnType<typeof useLogsSearch>["set"];
  visible: Visible | null;
};

/** The volume of all matches; not there while nothing matches. */
function Volume({ pin, filtered, q, set, visible }: VolumeProps) {
  const { query, volume } = useVolume(pin, filtered);
  const onLevel = (level: Level) => {
    const term = keepTerm("level", level);
    set({ q: hasTerm(q, term) ? withoutTerm(q, term) : withTerm(q, term) });
  };
  const empty = query.data?.total === 0 && !query.isPlaceholderData;
  if (empty || isFilterError(query.error)) return null;
  return (
    <Panel flush {...panelState(query)} receipt={query.data?.receipt}>
      {volume && (
        <VolumePanel
          volume={volume}
          zone={pin.zone}
          dimmed={false}
          visible={visible}
          onRange={(range) => set({ from: written(range.from), to: written(range.to) })}
          isKept={(level) => hasTerm(q, keepTerm("level", level))}
          onLevel={onLevel}
        />
      )}
    </Panel>
  );
}

/** The id of the record whose row has the focus. */
function focusedRecord(): string | undefined {
  const row = document.activeElement?.closest("[data-index]");
  return row?.querySelector<HTMLElement>("[data-copy]")?.dataset["copy"];
}
