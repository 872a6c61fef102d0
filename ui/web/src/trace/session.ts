/** One open trace: the worker that knows it, and what the page last heard from there. */
import type { Receipt } from "../api/types";
import { createStore } from "../kit/store";
import type { Found, Opened, Structure } from "./engine";
import type { Flame, FlameMode } from "./flame";
import type { OverviewStyle } from "./overview";
import type { Rows } from "./rows";
import type { View } from "./scale";
import type { Action, Shown } from "./shown";
import type { Statistics } from "./statistics";
import { TraceWorker } from "./worker-protocol";

export interface Trace {
  readonly opened: Opened;
  readonly structure: Structure;
  readonly rows: Rows;
  /** Row of the span that is shown as the root, or -1. */
  readonly root: number;
  readonly found: Found | null;
}

export interface TraceData {
  readonly bytes: Uint8Array;
  readonly receipt: Receipt | null;
}

export interface SessionState {
  readonly trace: Trace | null;
  readonly error: Error | null;
}

export const NO_SESSION = createStore<SessionState>({ trace: null, error: null });

export class TraceSession {
  readonly state = createStore<SessionState>({ trace: null, error: null });
  private readonly worker = new TraceWorker();
  private asked = false;
  private shown: Shown | null = null;

  open(bytes: Uint8Array, shown: Shown): void {
    this.asked = true;
    this.shown = shown;
    const opening = this.worker.ask({ ask: "open", bytes, shown });
    const shaping = this.worker.ask({ ask: "shape", shown, action: null });
    Promise.all([opening, shaping]).then(
      ([opened, { rows, root }]) =>
        this.set({ opened, structure: opened.structure, rows, root, found: null }),
      (error: Error) => this.state.set({ trace: null, error }),
    );
  }

  /** Rows for what is to be shown now, after the action. Resolves when the page has them. */
  async shape(shown: Shown, action: Action | null): Promise<void> {
    if (!this.asked || (shown === this.shown && action === null)) return;
    this.shown = shown;
    const { rows, root, structure } = await this.worker.ask({ ask: "shape", shown, action });
    const trace = this.state.get().trace;
    if (trace) this.set({ ...trace, rows, root, structure: structure ?? trace.structure });
  }

  /** Expands, collapses, reveals. */
  act(action: Action): Promise<void> {
    return this.shown ? this.shape(this.shown, action) : Promise.resolve();
  }

  async find(text: string, serverRows: readonly number[]): Promise<void> {
    if (!this.asked) return;
    const found = await this.worker.ask({ ask: "find", text, serverRows });
    const trace = this.state.get().trace;
    if (trace) this.set({ ...trace, found: text === "" ? null : found });
    // Rows that show only matches are other rows now.
    if (this.shown?.only === "matches") await this.act({ kind: "none" });
  }

  statistics(): Promise<Statistics> {
    return this.worker.ask({ ask: "statistics" });
  }

  flame(mode: FlameMode): Promise<Flame> {
    return this.worker.ask({ ask: "flame", mode });
  }

  overview(style: OverviewStyle, { from, to }: View): Promise<Uint8ClampedArray<ArrayBuffer>> {
    return this.worker.ask({ ask: "overview", style, from, to });
  }

  close(): void {
    this.worker.close();
  }

  private set(trace: Trace): void {
    this.state.set({ trace, error: null });
  }
}
