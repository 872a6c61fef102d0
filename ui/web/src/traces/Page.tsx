/** Trace search: one filter, seen as a heatmap, as counts of fields and as a list. */
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { PanelLeft } from "lucide-react";
import { useCallback, useEffect, useRef } from "react";
import { get, isFilterError } from "../api/client";
import type { TracesAnswer } from "../api/types";
import { useContext } from "../app/context";
import { usePlace } from "../app/place";
import { written } from "../app/range";
import { IconButton } from "../kit/Button";
import { FieldList } from "../kit/FieldList";
import { formatCount } from "../kit/format";
import { NewerPill } from "../kit/NewerPill";
import { NoData } from "../kit/NoData";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { QueryBar } from "../kit/QueryBar";
import { Segmented } from "../kit/Segmented";
import { Select } from "../kit/Select";
import { SqlButton } from "../kit/SqlButton";
import { useFilter } from "../kit/useFilter";
import { useRowKeys } from "../kit/useRowKeys";
import type { RowsHandle } from "../kit/VirtualRows";
import { BUILTIN, SORT_CHOICES } from "./choices";
import { useHeat, useMatches, useNewer } from "./data";
import { HeatPanel } from "./HeatPanel";
import { type Cut, cutText, parseCut } from "./heat";
import { Matches } from "./Matches";
import { pastedTraceId, withDurations } from "./model";
import styles from "./Page.module.css";
import type { TracesSearch } from "./search";

const route = getRouteApi("/traces");

export function Page() {
  const { lens = "traces", sort = "newest", brush, fields } = route.useSearch();
  const { q = "" } = useContext();
  const navigate = useNavigate();
  const place = usePlace(false);
  const sent = useFilter("spans") ?? "";
  const filtered = { from: place.pin.from, to: place.pin.to, q: sent };
  const matches = useMatches(place.pin, lens, filtered, sort);
  const heat = useHeat(place.pin, lens, filtered);
  const newer = useNewer(lens, place.newer && { ...place.newer, q: sent }, matches.total);
  const rows = useRef<RowsHandle>(null);
  useRowKeys(rows);

  const set = useCallback(
    (change: TracesSearch & { q?: string; from?: string; to?: string }, replace = false) =>
      navigate({
        to: ".",
        search: (old: object) => ({ ...old, ...change }) as never,
        replace,
        resetScroll: false,
      }),
    [navigate],
  );
  const edit = (text: string) => set({ q: text, brush: "" });
  const keep = (cut: Cut) =>
    set({
      from: written(cut.from),
      to: written(cut.to),
      q: withDurations(q, lens, cut),
      brush: "",
    });

  async function openSlowest(cut: Cut) {
    const answer = await get<TracesAnswer>("search/traces", {
      from: cut.from,
      to: cut.to,
      q: withDurations(sent, lens, cut),
      sort: "longest",
      limit: 20,
    });
    const slowest = answer.traces[0];
    if (slowest) navigate({ to: "/traces/$id", params: { id: slowest.trace_id } });
  }

  const { total, query } = matches;
  const loaded = lens === "traces" ? matches.traces.length : matches.spans.length;
  const refused = isFilterError(query.error);
  const empty = query.isSuccess && total === 0 && !query.isPlaceholderData;
  const jump = (id: string, replace: boolean) =>
    navigate({
      to: "/traces/$id",
      params: { id },
      search: (old: object) => ({ ...old, q: undefined }) as never,
      replace,
    });
  const id = pastedTraceId(q);
  useEffect(() => {
    if (id) jump(id, true);
  });
  return (
    <PageFrame title="Traces" bare fill>
      <div
        className={styles.bar}
        onPasteCapture={(event) => {
          const pasted = pastedTraceId(event.clipboardData.getData("text"));
          if (pasted === null || q !== "") return;
          event.preventDefault();
          jump(pasted, false);
        }}
      >
        <IconButton
          label={fields === "off" ? "Show fields" : "Hide fields"}
          icon={<PanelLeft size={16} aria-hidden />}
          aria-pressed={fields !== "off"}
          onClick={() => set({ fields: fields === "off" ? undefined : "off" } as never, true)}
        />
        <QueryBar table="spans" />
        <Segmented
          label="What is listed"
          value={lens}
          choices={[
            { value: "traces", text: "Traces" },
            { value: "spans", text: "Spans" },
          ]}
          onChange={(value) => set({ lens: value, brush: "" })}
        />
      </div>
      <div className={styles.columns}>
        {fields !== "off" && (
          <Panel fill flush className={styles.fields}>
            <FieldList
              table="spans"
              range={filtered}
              sent={sent}
              q={q}
              builtin={BUILTIN}
              open={["service", "status"]}
              onEdit={edit}
            />
          </Panel>
        )}
        <div className={styles.main}>
          {!empty && !refused && (
            <Panel flush {...panelState(heat.query)} receipt={heat.query.data?.receipt}>
              {heat.heat && (
                <HeatPanel
                  heat={heat.heat}
                  lens={lens}
                  zone={place.pin.zone}
                  dimmed={false}
                  cut={parseCut(brush)}
                  onCut={(cut) => set({ brush: cut ? cutText(cut) : "" }, true)}
                  onKeep={keep}
                  onSlowest={openSlowest}
                />
              )}
            </Panel>
          )}
          <Panel
            fill
            flush
            className={styles.list}
            title={<Title lens={lens} total={total} loaded={loaded} known={query.isSuccess} />}
            actions={
              <>
                <SqlButton sql={query.data?.pages[0]?.sql} />
                <Select
                  label="Sort"
                  prefix="Sort"
                  value={sort}
                  choices={SORT_CHOICES}
                  onChange={(value) => set({ sort: value })}
                />
              </>
            }
            {...panelState(query)}
            empty={empty && <NoData table="spans" what={lens} />}
            receipt={matches.receipt}
          >
            {query.data && (
              <>
                <Matches
                  ref={rows}
                  lens={lens}
                  matches={matches}
                  filtered={sent !== ""}
                  startTop={place.startTop}
                  onTop={place.remember}
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

type TitleProps = { lens: string; total: number; loaded: number; known: boolean };

function Title({ lens, total, loaded, known }: TitleProps) {
  if (!known) return lens === "traces" ? "Traces" : "Spans";
  return (
    <span role="status">
      {formatCount(total)} {total === 1 ? lens.slice(0, -1) : lens}
      {loaded < total && <span className={styles.of}> · {formatCount(loaded)} loaded</span>}
    </span>
  );
}
