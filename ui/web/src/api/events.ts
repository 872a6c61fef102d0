/** Server-sent events over fetch, so that the bearer token can be sent along. */
import { type Params, request } from "./client";
import { unreached } from "./connection";

export interface ServerEvent {
  event: string;
  data: string;
}

/** Cuts a stream of text into events; keeps what is not whole yet. */
export class EventReader {
  private text = "";

  push(piece: string): ServerEvent[] {
    this.text += piece.replaceAll("\r\n", "\n");
    const blocks = this.text.split("\n\n");
    this.text = blocks.pop() ?? "";
    return blocks.map(parseBlock).filter((event) => event !== null);
  }
}

function parseBlock(block: string): ServerEvent | null {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join("\n") };
}

/** Follows `path` until `signal` aborts; connects again when the stream ends. */
export async function follow(
  path: string,
  onEvent: (event: ServerEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 5000)) {
    try {
      await stream(path, {}, onEvent, signal, () => {
        wait = 500;
      });
    } catch {
      // The next round tries again; the shell says when the server is not reached.
    }
    if (!signal.aborted) await pause(wait, signal);
  }
}

/** Reads one stream of events to its end; throws `ApiError` when there is none. */
export async function stream(
  path: string,
  params: Params,
  onEvent: (event: ServerEvent) => void,
  signal: AbortSignal,
  onOpen?: () => void,
): Promise<void> {
  const headers = { accept: "text/event-stream" };
  const response = await request(path, { signal, headers }, params);
  onOpen?.();
  await read(response, onEvent);
}

async function read(response: Response, onEvent: (event: ServerEvent) => void): Promise<void> {
  const stream = response.body?.getReader();
  if (!stream) return;
  const decoder = new TextDecoder();
  const reader = new EventReader();
  for (;;) {
    const { done, value } = await stream.read().catch(() => {
      unreached();
      return { done: true, value: undefined };
    });
    if (done) return;
    for (const event of reader.push(decoder.decode(value, { stream: true }))) onEvent(event);
  }
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
