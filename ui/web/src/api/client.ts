/** The one place that talks to the server. */
import type { Table as ArrowTable, ExtractionOptions } from "@uwdata/flechette";
import { reached, unreached } from "./connection";
import { askToken, savedToken } from "./token";
import type { ApiErrorBody, Receipt } from "./types";

export type Params = Record<
  string,
  string | number | bigint | boolean | string[] | undefined | null
>;

const BASE = "/api/v1/";

/** Why there is no answer. `status` is 0 when the server was not reached. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly hint: string | null;
  /** Where in the text that was sent, in characters from 0. */
  readonly offset: number | null;

  constructor(status: number, body: ApiErrorBody) {
    super(body.message);
    this.name = "ApiError";
    this.status = status;
    this.code = body.code;
    this.hint = body.hint ?? null;
    const position = body.position ?? null;
    this.offset = typeof position === "object" ? (position?.offset ?? null) : position;
  }
}

/** The filter text was not understood: the query bar says so, where it is written. */
export function isFilterError(error: unknown): boolean {
  return error instanceof ApiError && error.code === "invalid_query";
}

/** `path` under /api/v1 with its parameters; empty ones are left out. */
export function url(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (Array.isArray(value)) for (const one of value) search.append(key, one);
    else if (value !== undefined && value !== null && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return `${BASE}${path}${text === "" ? "" : `?${text}`}`;
}

/** The JSON answer of `GET path`. */
export async function get<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
  const response = await send(url(path, params), { signal: signal ?? null });
  return (await response.json()) as T;
}

/** The response of any request under /api/v1 that went well, for streams; throws `ApiError`. */
export async function request(path: string, init: RequestInit = {}, params: Params = {}) {
  return send(url(path, params), init);
}

/** `DELETE path`. */
export async function remove(path: string): Promise<void> {
  await send(url(path), { method: "DELETE" });
}

export interface Arrow {
  table: ArrowTable;
  receipt: Receipt | null;
}

/** The Arrow answer of `GET path`. */
export async function getArrow(
  path: string,
  params: Params,
  signal?: AbortSignal,
  options: ExtractionOptions = {},
): Promise<Arrow> {
  const { bytes, receipt } = await getBytes(path, params, signal);
  const { tableFromIPC } = await import("@uwdata/flechette");
  return { table: tableFromIPC(bytes, options), receipt };
}

/** The Arrow answer of `GET path`, not decoded (for a worker). */
export async function getBytes(path: string, params: Params, signal?: AbortSignal) {
  const response = await send(url(path, params), {
    signal: signal ?? null,
    headers: { accept: "application/vnd.apache.arrow.stream" },
  });
  const header = response.headers.get("oriel-receipt");
  const receipt = header === null ? null : (JSON.parse(header) as Receipt);
  return { bytes: new Uint8Array(await response.arrayBuffer()), receipt };
}

/** Posts OTLP/JSON to the receiver, as an SDK would. */
export async function postTraces(body: unknown): Promise<void> {
  const response = await send("/v1/traces", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { partialSuccess?: { errorMessage?: string } };
  const refused = answer.partialSuccess?.errorMessage;
  if (refused) throw new ApiError(200, { code: "partial", message: refused });
}

/** One fetch; asks for a token and repeats when the server wants one. */
async function send(address: string, init: RequestInit): Promise<Response> {
  for (;;) {
    const token = savedToken();
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    const response = await attempt(address, { ...init, headers });
    if (response.status !== 401) {
      if (response.ok) return response;
      throw await errorOf(response);
    }
    await askToken(token, init.signal ?? null);
  }
}

async function attempt(address: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(address, init);
    // A proxy without its server answers 502 to 504 with a page of its own.
    const foreign = !(response.headers.get("content-type") ?? "").includes("json");
    if (response.status >= 502 && response.status <= 504 && foreign) throw new TypeError("proxy");
    reached();
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    if (init.signal?.aborted) throw error;
    unreached();
    throw new ApiError(0, {
      code: "unreachable",
      message: "The server cannot be reached",
      hint: "It is tried again every few seconds",
    });
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as { error?: ApiErrorBody | string; message?: string };
    if (typeof body.error === "object") return new ApiError(response.status, body.error);
    if (body.message) {
      return new ApiError(response.status, { code: "refused", message: body.message });
    }
  } catch {
    // Not JSON: the status line has to do.
  }
  const message = `The server answered ${response.status} ${response.statusText}`.trim();
  return new ApiError(response.status, { code: "http", message });
}
