/** Runs one statement at a time and keeps what came of it, also while another page is open. */
import { ApiError, get, remove, request } from "../api/client";
import type { ApiErrorBody, Column, QueriesAnswer, Receipt, RunningQuery } from "../api/types";
import { createStore } from "../kit/store";
import { explained } from "./statements";
import { AnswerReader, type Value } from "./stream";

export interface Failure {
  message: string;
  hint: string | null;
  code: string;
  /** Code points from the start of the statement. */
  offset: number | null;
}

export interface Run {
  id: string;
  sql: string;
  /** Where the statement began in the editor. */
  from: number;
  explain: boolean;
  phase: "running" | "done" | "failed" | "stopped";
  columns: Column[];
  /** Grows while the answer comes in; `count` says how far it is to be read. */
  rows: Value[][];
  count: number;
  receipt: Receipt | null;
  failure: Failure | null;
  progress: RunningQuery | null;
  startedAt: number;
  elapsedMs: number;
  /** The page took no more rows, though there were some. */
  capped: boolean;
}

/** Rows and characters that the page holds of one answer. */
const ROWS_MAX = 200_000;
const CHARACTERS_MAX = 200_000_000;
const SHOW_EVERY_MS = 120;
const PROGRESS_EVERY_MS = 400;

export const currentRun = createStore<Run | null>(null);
let abort: AbortController | null = null;

function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Changes the run, unless another one has taken its place. */
function change(run: Run, part: Partial<Run>) {
  if (currentRun.get()?.id !== run.id) return;
  Object.assign(run, part, { elapsedMs: performance.now() - run.startedAt });
  currentRun.set({ ...run });
}

/** Runs `sql`; resolves when it has ended, in whichever way. */
export async function start(sql: string, from: number, explain: boolean): Promise<Run> {
  await stop();
  const run: Run = {
    id: newId(),
    sql,
    from,
    explain,
    phase: "running",
    columns: [],
    rows: [],
    count: 0,
    receipt: null,
    failure: null,
    progress: null,
    startedAt: performance.now(),
    elapsedMs: 0,
    capped: false,
  };
  const controller = new AbortController();
  abort = controller;
  currentRun.set({ ...run });
  const timer = setInterval(() => void follow(run), PROGRESS_EVERY_MS);
  try {
    await read(run, controller);
  } catch (error) {
    const stopped = controller.signal.aborted;
    change(run, stopped ? { phase: "stopped" } : { phase: "failed", failure: failureOf(error) });
  } finally {
    clearInterval(timer);
  }
  return run;
}

/** Stops what runs, here and on the server; the rows that came stay. */
export async function stop(): Promise<void> {
  const run = currentRun.get();
  if (run?.phase !== "running") return;
  abort?.abort();
  // A server that has already ended it says 404: that is what was wanted.
  await remove(`queries/${run.id}`).catch(() => undefined);
}

async function read(run: Run, controller: AbortController): Promise<void> {
  const { signal } = controller;
  const response = await request(
    "sql",
    {
      method: "POST",
      signal,
      headers: { "content-type": "application/json", "oriel-query-id": run.id },
      body: JSON.stringify({ sql: run.explain ? explained(run.sql) : run.sql }),
    },
    { format: "json" },
  );
  const stream = response.body?.getReader();
  if (stream === undefined) throw new Error("the answer has no body");
  const decoder = new TextDecoder();
  const reader = new AnswerReader();
  let characters = 0;
  let shownAt = 0;
  for (;;) {
    const { done, value } = await stream.read();
    if (done) break;
    const text = decoder.decode(value, { stream: true });
    characters += text.length;
    const { columns, rows } = reader.push(text);
    for (const row of rows) run.rows.push(row);
    if (run.rows.length >= ROWS_MAX || characters >= CHARACTERS_MAX) {
      change(run, { phase: "done", count: run.rows.length, capped: true });
      controller.abort();
      return;
    }
    const now = performance.now();
    if (columns !== null || now - shownAt >= SHOW_EVERY_MS) {
      shownAt = now;
      change(run, { count: run.rows.length, ...(columns === null ? {} : { columns }) });
    }
  }
  const { receipt, error } = reader.end();
  const failure = receipt === null ? failureOfBody(error) : null;
  change(run, {
    phase: failure === null ? "done" : "failed",
    count: run.rows.length,
    receipt,
    failure,
  });
}

async function follow(run: Run): Promise<void> {
  if (currentRun.get()?.id !== run.id || run.phase !== "running") return;
  // Of all that run: one that has not begun or has just ended is no error there.
  const running = await get<QueriesAnswer>("queries", {}).catch(() => null);
  const progress = running?.queries.find((query) => query.id === run.id);
  if (run.phase === "running" && progress) change(run, { progress });
}

function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) {
    const { message, hint, code, offset } = error;
    return { message, hint, code, offset };
  }
  return { message: "The answer broke off", hint: String(error), code: "broken_off", offset: null };
}

function failureOfBody(error: ApiErrorBody | null): Failure {
  if (error === null) {
    const hint = "The connection or the server ended before the last row; what came is shown.";
    return { message: "The answer broke off", hint, code: "broken_off", offset: null };
  }
  const position = error.position ?? null;
  const offset = typeof position === "object" ? (position?.offset ?? null) : position;
  return { message: error.message, hint: error.hint ?? null, code: error.code, offset };
}
