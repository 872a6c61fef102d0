/** The waterfall with its minimap and axis: two canvas classes in React's clothes. */
import { useEffect, useMemo, useRef } from "react";
import { Minimap } from "./minimap";
import { Splitter, useSavedWidth } from "./Splitter";
import type { Marks, Scene } from "./scene";
import type { Trace, TraceSession } from "./session";
import { known } from "./skeleton";
import { type SetSearch, useZoom } from "./useNavigation";
import styles from "./WaterfallView.module.css";
import { Waterfall, type WaterfallEvents } from "./waterfall";

interface Props {
  session: TraceSession;
  trace: Trace;
  slots: readonly number[];
  bounds: { from: number; to: number };
  zoom: string | undefined;
  /** Row of the open span, or -1. */
  selected: number;
  marks: Marks | null;
  showPath: boolean;
  filtered: boolean;
  /** Another value is another minimap. */
  hidden: ReadonlySet<number>;
  setSearch: SetSearch;
  onOpen(node: number): void;
  onMove(node: number): void;
  /** Called with the class that runs commands. */
  onReady(waterfall: Waterfall | null): void;
}

const NAME_WIDTH_MIN = 180;
const NAME_WIDTH_MAX = 900;

export function WaterfallView(props: Props) {
  const { session, trace, slots, bounds, selected, marks, showPath, filtered, hidden, onReady } =
    props;
  const [view, setView] = useZoom(props.zoom, bounds, props.setSearch);
  const [nameWidth, setNameWidth] = useSavedWidth("names", 380);
  const rows = useRef<HTMLDivElement>(null);
  const axis = useRef<HTMLDivElement>(null);
  const map = useRef<HTMLDivElement>(null);
  const parts = useRef<{ waterfall: Waterfall; minimap: Minimap } | null>(null);
  const events = useRef<WaterfallEvents | null>(null);
  events.current = {
    onOpen: props.onOpen,
    onMove: props.onMove,
    onToggle: (node) => void session.act({ kind: "toggle", node }),
    onView: setView,
    onCursor: (time) => parts.current?.minimap.setCursor(time),
  };

  useEffect(() => {
    if (!rows.current || !axis.current || !map.current) return;
    const waterfall = new Waterfall(rows.current, axis.current, {
      onOpen: (node) => events.current?.onOpen(node),
      onMove: (node) => events.current?.onMove(node),
      onToggle: (node) => events.current?.onToggle(node),
      onView: (next) => events.current?.onView(next),
      onCursor: (time) => events.current?.onCursor(time),
    });
    const minimap = new Minimap(map.current, {
      onView: (next) => events.current?.onView(next),
      paint: (style, of) => session.overview(style, of),
    });
    parts.current = { waterfall, minimap };
    onReady(waterfall);
    return () => {
      parts.current = null;
      onReady(null);
      waterfall.destroy();
      minimap.destroy();
    };
  }, [session, onReady]);

  const { opened, structure } = trace;
  const matched = trace.found?.matched ?? null;
  const scene: Scene = useMemo(
    () => ({
      ...structure,
      skeleton: opened.skeleton,
      rows: trace.rows,
      filtered,
      slots,
      matched,
      marks,
      showPath,
      view,
    }),
    [structure, opened, trace.rows, filtered, slots, matched, marks, showPath, view],
  );
  useEffect(() => {
    parts.current?.waterfall.show({ scene, selected, nameWidth, bounds });
  }, [scene, selected, nameWidth, bounds]);

  // Another picture: other spans, other times, or another part of the tree.
  const picture = useMemo(() => ({ structure, bounds, hidden }), [structure, bounds, hidden]);
  useEffect(() => {
    const from = selected >= 0 ? structure.start[selected]! : 0;
    const length = selected >= 0 ? known(opened.skeleton.duration[selected]!) : 0;
    parts.current?.minimap.show({
      bounds,
      view,
      slots,
      selected: selected >= 0 ? { from, to: from + length } : null,
      picture,
    });
  }, [bounds, view, slots, selected, picture, structure, opened]);

  return (
    <div className={styles.waterfall}>
      <div className={styles.minimap} ref={map} />
      <div className={styles.head}>
        <div className={styles.headName} style={{ width: nameWidth }}>
          Service and operation
        </div>
        <div className={styles.axis} ref={axis} />
      </div>
      <div className={styles.rows} ref={rows}>
        <Splitter
          label="Width of the names"
          value={nameWidth}
          min={NAME_WIDTH_MIN}
          max={NAME_WIDTH_MAX}
          left={nameWidth}
          onChange={setNameWidth}
        />
      </div>
    </div>
  );
}
