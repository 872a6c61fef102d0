/** What the page asks the worker of a trace, and what it is answered. */
import type { Found, Opened, Shape } from "./engine";
import type { Flame, FlameMode } from "./flame";
import type { OverviewStyle } from "./overview";
import type { Action, Shown } from "./shown";
import type { Statistics } from "./statistics";

export type Question =
  | { readonly ask: "open"; readonly bytes: Uint8Array; readonly shown: Shown }
  | { readonly ask: "shape"; readonly shown: Shown; readonly action: Action | null }
  | { readonly ask: "find"; readonly text: string; readonly serverRows: readonly number[] }
  | { readonly ask: "statistics" }
  | { readonly ask: "flame"; readonly mode: FlameMode }
  | {
      readonly ask: "overview";
      readonly style: OverviewStyle;
      readonly from: number;
      readonly to: number;
    };

export interface Answer {
  open: Opened;
  shape: Shape;
  find: Found;
  statistics: Statistics;
  flame: Flame;
  overview: Uint8ClampedArray<ArrayBuffer>;
}

/** The page's end of the worker. Answers come in the order of the questions. */
export class TraceWorker {
  private readonly worker = new Worker(new URL("./trace.worker.ts", import.meta.url), {
    type: "module",
  });
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private next = 0;

  constructor() {
    this.worker.onmessage = (
      event: MessageEvent<{ id: number; value?: unknown; error?: string }>,
    ) => {
      const { id, value, error } = event.data;
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) waiting?.resolve(value as never);
      else waiting?.reject(new Error(error));
    };
    this.worker.onerror = (event) =>
      this.fail(event.message || "the worker of this trace could not start");
  }

  ask<Q extends Question>(question: Q): Promise<Answer[Q["ask"]]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, question });
    });
  }

  close(): void {
    this.worker.terminate();
    this.waiting.clear();
  }

  private fail(message: string): void {
    for (const { reject } of this.waiting.values()) reject(new Error(message));
    this.waiting.clear();
  }
}
