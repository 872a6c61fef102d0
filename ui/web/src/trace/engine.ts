/**
 * All that is worked out over a whole trace: the forest, what is collapsed, what is found, the path.
 * Lives in the worker (`trace.worker.ts`); knows no browser API, so tests call it directly.
 */
import { type CriticalPath, criticalPath, mainRoot } from "./critical";
import { inTreeOrder, matchNames, withFolds } from "./find";
import { type Flame, type FlameMode, flame } from "./flame";
import { type OverviewStyle, paintOverview } from "./overview";
import { countBefore, expandAncestors, type Rows, stepLevel, visibleRows } from "./rows";
import type { Action, Only, Shown } from "./shown";
import { decodeSkeleton, rowOfReference, type Skeleton, STATUS_ERROR, traceEnd } from "./skeleton";
import { detectSkew, type SkewNote } from "./skew";
import { type Statistics, statistics } from "./statistics";
import { type Summaries, summarize } from "./summary";
import { buildForest, type Forest, isFold } from "./tree";

/** What changes with folding and with the skew toggle. */
export interface Structure {
  readonly forest: Forest;
  readonly summaries: Summaries;
  /** How many error spans come before each place of the preorder. */
  readonly errorsBefore: Int32Array;
  readonly start: Float64Array;
  readonly path: CriticalPath | null;
}

export interface Opened {
  readonly skeleton: Skeleton;
  readonly skew: readonly SkewNote[];
  readonly duplicates: number;
  /** ns after the trace's start. */
  readonly end: number;
  readonly structure: Structure;
  /** ms that decoding and layout took. */
  readonly decodeMs: number;
  readonly layoutMs: number;
}

export interface Shape {
  readonly rows: Rows;
  /** Row of the root of what is shown, or -1. */
  readonly root: number;
  /** Present when it differs from what was answered before. */
  readonly structure: Structure | null;
}

export interface Found {
  /** By row. */
  readonly matched: Uint8Array;
  /** Rows in the order of the tree. */
  readonly ordered: Int32Array;
}

export class Engine {
  readonly opened: Opened;
  private readonly skeleton: Skeleton;
  private readonly adjustedStart: Float64Array;
  private shown: Shown;
  private root: number;
  private structure: Structure;
  private collapsed: Uint8Array;
  private matched: Uint8Array;
  private hidden: Uint8Array | null = null;

  constructor(bytes: Uint8Array, shown: Shown) {
    const began = performance.now();
    const skeleton = decodeSkeleton(bytes);
    const decoded = performance.now();
    const forest = buildForest(skeleton, shown);
    const skew = detectSkew(forest, skeleton);
    this.skeleton = skeleton;
    this.adjustedStart = skew.start;
    this.shown = shown;
    this.root = rowOfReference(skeleton, shown.root);
    this.structure = this.structureOf(forest, shown);
    this.collapsed = foldsClosed(forest, new Uint8Array(0));
    this.matched = new Uint8Array(skeleton.count);
    this.opened = {
      skeleton,
      skew: skew.notes,
      duplicates: countDuplicates(skeleton),
      end: traceEnd(skeleton.start, skeleton.duration),
      structure: this.structure,
      decodeMs: decoded - began,
      layoutMs: performance.now() - decoded,
    };
  }

  /** Rows for what is to be shown, after the action. */
  shape(shown: Shown, action: Action | null): Shape {
    const before = this.structure;
    this.restructure(shown);
    const { forest } = this.structure;
    this.hidden = hiddenNodes(forest, this.skeleton, shown.hiddenServices);
    if (action) this.act(forest, action);
    const rows = visibleRows(forest, this.collapsed, {
      root: this.root,
      hidden: this.hidden,
      only: this.keep(shown.only),
    });
    return { rows, root: this.root, structure: this.structure === before ? null : this.structure };
  }

  find(text: string, serverRows: readonly number[]): Found {
    const matched = matchNames(this.skeleton, text);
    for (const row of serverRows) if (row < matched.length) matched[row] = 1;
    this.matched = matched;
    return { matched, ordered: inTreeOrder(this.structure.forest, matched) };
  }

  statistics(): Statistics {
    return statistics(this.structure.forest, this.skeleton, this.root);
  }

  flame(mode: FlameMode): Flame {
    const { forest, start } = this.structure;
    return flame({ forest, start, skeleton: this.skeleton, root: this.root }, mode);
  }

  overview(style: OverviewStyle, from: number, to: number): Uint8ClampedArray<ArrayBuffer> {
    return paintOverview(
      {
        ...this.structure,
        skeleton: this.skeleton,
        root: this.root,
        hidden: this.hidden,
        from,
        to,
      },
      style,
    );
  }

  private restructure(shown: Shown): void {
    const refold = this.shown.foldFrom !== shown.foldFrom;
    const same =
      !refold && this.shown.adjusted === shown.adjusted && this.shown.root === shown.root;
    this.shown = shown;
    if (same) return;
    this.root = rowOfReference(this.skeleton, shown.root);
    const forest = refold ? buildForest(this.skeleton, shown) : this.structure.forest;
    if (refold) this.collapsed = foldsClosed(forest, this.collapsed);
    this.structure = this.structureOf(forest, shown);
  }

  private structureOf(forest: Forest, shown: Shown): Structure {
    const { skeleton } = this;
    const start = shown.adjusted ? this.adjustedStart : skeleton.start;
    const timing = { start, duration: skeleton.duration, kind: skeleton.kind };
    const root = this.root >= 0 ? this.root : mainRoot(forest, timing);
    return {
      forest,
      start,
      summaries: summarize(forest, skeleton, start),
      errorsBefore: countBefore(
        forest,
        (node) => node < forest.spans && skeleton.status[node] === STATUS_ERROR,
      ),
      path: root >= 0 ? criticalPath(forest, timing, root) : null,
    };
  }

  private act(forest: Forest, action: Action): void {
    if (action.kind === "toggle")
      this.collapsed[action.node] = this.collapsed[action.node] === 1 ? 0 : 1;
    else if (action.kind === "level") stepLevel(forest, this.collapsed, this.root, action.close);
    else if (action.kind === "all") this.collapsed = allCollapsed(forest, action.close);
    else if (action.kind === "reveal") expandAncestors(forest, this.collapsed, action.node);
  }

  private keep(only: Only): Uint8Array | null {
    const { forest, path } = this.structure;
    if (only === "matches") return withFolds(forest, this.matched);
    if (only === "errors")
      return withFolds(
        forest,
        this.skeleton.status.map((status) => (status === STATUS_ERROR ? 1 : 0)),
      );
    if (only === "critical") return path?.onPath ?? new Uint8Array(forest.nodes);
    return null;
  }
}

/** Spans stay as they were; folds start closed. */
function foldsClosed(forest: Forest, before: Uint8Array): Uint8Array<ArrayBuffer> {
  const collapsed = new Uint8Array(forest.nodes);
  collapsed.set(before.subarray(0, Math.min(before.length, forest.spans)));
  for (let node = forest.spans; node < forest.nodes; node++)
    collapsed[node] = isFold(forest, node) ? 1 : 0;
  return collapsed;
}

/** Roots stay open when all is closed, so that something is left to read. */
function allCollapsed(forest: Forest, close: boolean): Uint8Array<ArrayBuffer> {
  const collapsed = new Uint8Array(forest.nodes);
  if (close) {
    for (let node = 0; node < forest.nodes; node++) {
      collapsed[node] = forest.size[node]! > 1 && forest.parent[node]! >= 0 ? 1 : 0;
    }
  }
  return collapsed;
}

function hiddenNodes(
  forest: Forest,
  skeleton: Skeleton,
  services: readonly string[],
): Uint8Array | null {
  if (services.length === 0) return null;
  const off = new Set(services.map((service) => skeleton.services.indexOf(service)));
  const hidden = new Uint8Array(forest.nodes);
  for (let row = 0; row < forest.spans; row++) {
    if (!off.has(skeleton.service[row]!)) continue;
    hidden[row] = 1;
    const above = forest.parent[row]!;
    if (forest.markers[above - forest.spans] === "fold") hidden[above] = 1;
  }
  return hidden;
}

function countDuplicates({ count, spanIds }: Skeleton): number {
  const keys = new BigUint64Array(spanIds.buffer, spanIds.byteOffset, count).slice().sort();
  let duplicates = 0;
  for (let i = 1; i < count; i++) if (keys[i] === keys[i - 1]) duplicates++;
  return duplicates;
}
