/** Logs: one filter, seen as volume by level, as counts of fields and as a list of records. */

import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { PanelLeft, WrapText } from "lucide-react";
import { useCallback, useRef, useState } from "react";
import { isFilterError } from "../api/client";
import type { Level } from "../api/types";
import { useContext } from "../app/context";
import { usePlace } from "../app/place";
import { written } from "../app/range";
import { IconButton } from "../kit/Button";
import { FieldList } from "../kit/FieldList";
import type { Field } from "../kit/fields";
import { hasTerm, keepTerm, withoutTerm, withTerm } from "../kit/filterterms";
import { formatCount } from "../kit/format";
import { NewerPill } from "../kit/NewerPill";
import { NoData } from "../kit/NoData";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { QueryBar } from "../kit/QueryBar";
import { Segmented } from "../kit/Segmented";
import { useFilter } from "../kit/useFilter";
import { useRowKeys } from "../kit/useRowKeys";
import type { RowsHandle, RowsView } from "../kit/VirtualRows";
import { useNewer, useRecords, useVolume } from "./data";
import { LinkedRecord } from "./LinkedRecord";
import { visibleRange } from "./model";
import styles from "./Page.module.css";
import { Records } from "./Records";
import type { LogsSearch } from "./search";
import { VolumePanel } from "./VolumePanel";

const route = getRouteApi("/logs");

const BUILTIN: Field[] = ["level", "service", "event", "scope"].map((name) => ({
  name,
  key: name,
  label: name,
  count: null,
}));

export function Page() {
  const { order = "newest", row, wrap = false, fields } = route.useSearch();
  const { q = "" } = useContext();
  const navigate = useNavigate();
  const place = usePlace(row !== undefined);
  const { pin, remember } = place;
  const sent = useFilter("logs") ?? "";
  const filtered = { from: pin.from, to: pin.to, q: sent };
  const found = useRecords(pin, filtered, order);
  const volume = useVolume(pin, filtered);
  const newer = useNewer(place.newer && { ...place.newer, q: sent }, found.total);
  const rows = useRef<RowsHandle>(null);
  useRowKeys(rows);
  const [view, setView] = useState<RowsView | null>(null);

  const set = useCallback(
    (change: LogsSearch & { q?: string; from?: string; to?: string }, replace = false) =>
      navigate({
        to: ".",
        search: (old: object) => ({ ...old, ...change }) as never,
        replace,
        resetScroll: false,
      }),
    [navigate],
  );
  const onView = useCallback(
    (next: RowsView) => {
      remember(next.top);
      setView(next);
    },
    [remember],
  );
  const onToggle = useCallback(
    (id: string) => set({ row: id === row ? undefined : id } as LogsSearch, true),
    [set, row],
  );
  const onLevel = (level: Level) => {
    const term = keepTerm("level", level);
    set({ q: hasTerm(q, term) ? withoutTerm(q, term) : withTerm(q, term) });
  };

  const { records, total, query } = found;
  const refused = isFilterError(query.error);
  const empty = query.isSuccess && total === 0 && !query.isPlaceholderData;
  const shown = view && visibleRange(records[view.first]?.time, records[view.last]?.time);
  const linked = row !== undefined && query.isSuccess && !records.some((each) => each.id === row);
  return (
    <PageFrame title="Logs" bare fill>
      <div className={styles.bar}>
        <IconButton
          label={fields === "off" ? "Show fields" : "Hide fields"}
          icon={<PanelLeft size={16} aria-hidden />}
          aria-pressed={fields !== "off"}
          onClick={() => set({ fields: fields === "off" ? undefined : "off" } as LogsSearch, true)}
        />
        <QueryBar table="logs" />
      </div>
      <div className={styles.columns}>
        {fields !== "off" && (
          <Panel fill flush className={styles.fields}>
            <FieldList
              table="logs"
              range={filtered}
              sent={sent}
              q={q}
              builtin={BUILTIN}
              open={["level", "service"]}
              onEdit={(text) => set({ q: text })}
            />
          </Panel>
        )}
        <div className={styles.main}>
          {!empty && !refused && (
            <Panel flush {...panelState(volume.query)} receipt={volume.query.data?.receipt}>
              {volume.volume && (
                <VolumePanel
                  volume={volume.volume}
                  zone={pin.zone}
                  dimmed={false}
                  visible={shown}
                  onRange={(range) => set({ from: written(range.from), to: written(range.to) })}
                  isKept={(level) => hasTerm(q, keepTerm("level", level))}
                  onLevel={onLevel}
                />
              )}
            </Panel>
          )}
          <Panel
            fill
            flush
            className={styles.list}
            title={<Title total={total} loaded={records.length} known={query.isSuccess} />}
            actions={
              <>
                <IconButton
                  label={wrap ? "One line each" : "Wrap long lines"}
                  icon={<WrapText size={16} aria-hidden />}
                  aria-pressed={wrap}
                  onClick={() => set({ wrap: wrap ? undefined : true } as LogsSearch, true)}
                />
                <Segmented
                  label="Order"
                  value={order}
                  choices={[
                    { value: "newest", text: "Newest" },
                    { value: "oldest", text: "Oldest" },
                  ]}
                  onChange={(value) => set({ order: value })}
                />
              </>
            }
            {...panelState(query)}
            empty={empty && !linked && <NoData table="logs" what="log records" />}
            receipt={found.receipt}
          >
            {linked && <LinkedRecord id={row} zone={pin.zone} onClose={() => onToggle(row)} />}
            {query.data && (
              <>
                <Records
                  ref={rows}
                  records={found}
                  zone={pin.zone}
                  open={row}
                  wrap={wrap}
                  startTop={place.startTop}
                  onToggle={onToggle}
                  onView={onView}
                />
                <NewerPill count={newer} onClick={place.catchUp} />
              </>
            )}
          </Panel>
        </div>
      </div>
    </PageFrame>
  );
}

function Title({ total, loaded, known }: { total: number; loaded: number; known: boolean }) {
  if (!known) return "Records";
  return (
    <span role="status">
      {formatCount(total)} {total === 1 ? "record" : "records"}
      {loaded < total && <span className={styles.of}> · {formatCount(loaded)} loaded</span>}
    </span>
  );
}
