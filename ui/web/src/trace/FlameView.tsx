import { Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button, IconButton } from "../kit/Button";
import styles from "./FlameView.module.css";
import type { Flame, FlameMode } from "./flame";
import { FlameChart } from "./flamechart";
import type { Trace, TraceSession } from "./session";
import type { SetSearch } from "./useNavigation";

interface Props {
  session: TraceSession;
  trace: Trace;
  slots: readonly number[];
  mode: FlameMode;
  selected: number;
  setSearch: SetSearch;
  onOpen(row: number): void;
}

/** The flame graph: in time order, or merged by path of service and operation. */
export function FlameView({ session, trace, slots, mode, selected, setSearch, onOpen }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const part = useRef<FlameChart | null>(null);
  const latest = useRef(onOpen);
  latest.current = onOpen;
  const [chart, setChart] = useState<Flame | null>(null);
  useEffect(() => {
    if (!host.current) return;
    const created = new FlameChart(
      host.current,
      { onOpen: (row) => latest.current(row) },
      { canvas: styles.canvas ?? "", tooltip: styles.tooltip ?? "" },
    );
    part.current = created;
    return () => {
      part.current = null;
      created.destroy();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another root is another graph
  useEffect(() => {
    let current = true;
    void session.flame(mode).then((answer) => current && setChart(answer));
    return () => {
      current = false;
    };
  }, [session, mode, trace.structure, trace.root]);
  useEffect(() => {
    if (chart) part.current?.show({ chart, skeleton: trace.opened.skeleton, slots, selected });
  }, [chart, trace.opened, slots, selected]);
  return (
    <div className={styles.flame}>
      <div className={styles.tools}>
        <Button aria-pressed={mode === "time"} onClick={() => setSearch({ flame: undefined })}>
          In time order
        </Button>
        <Button aria-pressed={mode === "merged"} onClick={() => setSearch({ flame: "merged" })}>
          Merged by path
        </Button>
        <span className={styles.hint}>
          {mode === "time"
            ? "Click a box to open its span and zoom to it. Ctrl and the wheel zoom, dragging moves."
            : "Equal paths are one box, as wide as the self time in it. Click to zoom."}{" "}
          The same figures are in the view “Table”.
        </span>
        <IconButton
          label="Zoom in"
          icon={<ZoomIn size={16} aria-hidden />}
          onClick={() => part.current?.zoom(0.5)}
        />
        <IconButton
          label="Zoom out"
          icon={<ZoomOut size={16} aria-hidden />}
          onClick={() => part.current?.zoom(2)}
        />
        <IconButton
          label="Show all"
          icon={<Maximize size={16} aria-hidden />}
          onClick={() => part.current?.reset()}
        />
      </div>
      <div className={styles.host} ref={host} />
    </div>
  );
}
