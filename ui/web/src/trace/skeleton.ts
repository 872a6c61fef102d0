/**
 * The skeleton of a trace: what the server sends of every span (an Arrow stream without attributes),
 * as plain typed arrays. Rows are ordered by (start, span id); times are ns after `traceStart`.
 */
import { type ExtractionOptions, tableFromIPC } from "@uwdata/flechette";

/** `parent` of a span that names no parent. */
export const NO_PARENT = -1;
/** `parent` of a span whose parent is not part of the trace. */
export const MISSING_PARENT = -2;

export const FLAG_EVENTS = 1;
export const FLAG_LINKS = 2;
export const FLAG_LOGS = 4;
export const FLAG_EXCEPTION = 8;

export const STATUS_ERROR = 2;

export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;
export const KINDS = [
  "unspecified",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
] as const;

export interface Skeleton {
  readonly traceId: string;
  /** Unix ns. */
  readonly traceStart: bigint;
  /** Which snapshot of the store the rows are from; opaque. */
  readonly snapshot: string;
  readonly count: number;
  /** 8 bytes a span. */
  readonly spanIds: Uint8Array;
  readonly parent: Int32Array;
  /** ns after `traceStart`. */
  readonly start: Float64Array;
  /** ns; NaN when the span has no end. */
  readonly duration: Float64Array;
  readonly self: Float64Array;
  /** Index into `services`. */
  readonly service: Int32Array;
  /** Index into `names`. */
  readonly name: Int32Array;
  readonly services: readonly string[];
  readonly names: readonly string[];
  readonly kind: Uint8Array;
  readonly status: Uint8Array;
  readonly flags: Uint8Array;
}

/** The parts of flechette's batches that are read here. */
interface BatchView {
  readonly length: number;
  readonly values?: ArrayLike<number>;
  readonly stride?: number;
  readonly offsets?: ArrayLike<number>;
  readonly dictionary?: { readonly length: number; at(index: number): unknown };
  at(index: number): unknown;
}

interface TableView {
  readonly numRows: number;
  readonly schema: { readonly metadata?: ReadonlyMap<string, string> | null };
  getChild(name: string): { readonly data: readonly unknown[] } | undefined;
}

export function decodeSkeleton(bytes: ArrayBuffer | Uint8Array): Skeleton {
  const options: ExtractionOptions = { useBigInt: false };
  const table = tableFromIPC(bytes, options) as unknown as TableView;
  const count = table.numRows;
  const metadata = table.schema.metadata;
  const service = decodeDictionary(batches(table, "service"), count);
  const name = decodeDictionary(batches(table, "name"), count);
  return {
    traceId: metadata?.get("trace_id") ?? "",
    traceStart: BigInt(metadata?.get("trace_start") ?? "0"),
    snapshot: metadata?.get("snapshot") ?? "",
    count,
    spanIds: decodeIds(batches(table, "span_id"), count),
    parent: decodeNumbers(batches(table, "parent"), new Int32Array(count)),
    start: decodeNumbers(batches(table, "start"), new Float64Array(count)),
    duration: decodeNumbers(batches(table, "duration"), new Float64Array(count)),
    self: decodeNumbers(batches(table, "self"), new Float64Array(count)),
    service: service.indices,
    services: service.words,
    name: name.indices,
    names: name.words,
    kind: decodeNumbers(batches(table, "kind"), new Uint8Array(count)),
    status: decodeNumbers(batches(table, "status"), new Uint8Array(count)),
    flags: decodeNumbers(batches(table, "flags"), new Uint8Array(count)),
  };
}

function batches(table: TableView, name: string): readonly BatchView[] {
  const column = table.getChild(name);
  if (!column) throw new Error(`the skeleton has no column "${name}"`);
  return column.data as readonly BatchView[];
}

function decodeNumbers<A extends Int32Array | Float64Array | Uint8Array>(
  from: readonly BatchView[],
  into: A,
): A {
  let offset = 0;
  for (const batch of from) {
    const values = batch.values;
    if (!values) throw new Error("a numeric column of the skeleton has no values");
    for (let i = 0; i < batch.length; i++) into[offset + i] = values[i]!;
    offset += batch.length;
  }
  return into;
}

/** Each record batch may bring its own dictionary: words are merged into one list. */
function decodeDictionary(
  from: readonly BatchView[],
  count: number,
): { indices: Int32Array; words: string[] } {
  const indices = new Int32Array(count);
  const words: string[] = [];
  const known = new Map<string, number>();
  let offset = 0;
  for (const batch of from) {
    const keys = batch.values;
    const dictionary = batch.dictionary;
    if (!keys || !dictionary) throw new Error("a text column of the skeleton is not a dictionary");
    const translate = new Int32Array(dictionary.length);
    for (let key = 0; key < dictionary.length; key++) {
      const word = String(dictionary.at(key) ?? "");
      let index = known.get(word);
      if (index === undefined) {
        index = words.length;
        words.push(word);
        known.set(word, index);
      }
      translate[key] = index;
    }
    for (let i = 0; i < batch.length; i++) indices[offset + i] = translate[keys[i]!] ?? 0;
    offset += batch.length;
  }
  return { indices, words };
}

function decodeIds(from: readonly BatchView[], count: number): Uint8Array {
  const ids = new Uint8Array(count * 8);
  let row = 0;
  for (const batch of from) {
    for (let i = 0; i < batch.length; i++) {
      const id = batch.at(i);
      if (id instanceof Uint8Array) ids.set(id.subarray(0, 8), row * 8);
      row++;
    }
  }
  return ids;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function spanIdOf(skeleton: Skeleton, row: number): string {
  let text = "";
  for (let i = row * 8; i < row * 8 + 8; i++) text += HEX[skeleton.spanIds[i]!];
  return text;
}

/**
 * The name of a row in a URL: its span id, and `~k` behind it for the k-th repetition of an id that
 * the trace holds more than once.
 */
export function referenceOf(skeleton: Skeleton, row: number): string {
  const id = spanIdOf(skeleton, row);
  const before = rowsWithId(skeleton, id, row).length;
  return before > 0 ? `${id}~${before}` : id;
}

/** The row that a URL names, or -1. */
export function rowOfReference(skeleton: Skeleton, reference: string): number {
  const [id = "", repetition = "0"] = reference.toLowerCase().split("~");
  if (!/^[0-9a-f]{16}$/.test(id)) return -1;
  return rowsWithId(skeleton, id, skeleton.count)[Number(repetition)] ?? -1;
}

function rowsWithId(skeleton: Skeleton, id: string, end: number): number[] {
  const want = new Uint8Array(8);
  for (let i = 0; i < 8; i++) want[i] = Number.parseInt(id.slice(i * 2, i * 2 + 2), 16);
  const [low, high] = new Uint32Array(want.buffer) as unknown as [number, number];
  const words = new Uint32Array(
    skeleton.spanIds.buffer,
    skeleton.spanIds.byteOffset,
    skeleton.count * 2,
  );
  const found: number[] = [];
  for (let row = 0; row < end; row++) {
    if (words[row * 2] === low && words[row * 2 + 1] === high) found.push(row);
  }
  return found;
}

/** ns after the trace's start at which its last span ends. */
export function traceEnd(start: Float64Array, duration: Float64Array): number {
  let end = 0;
  for (let row = 0; row < start.length; row++) end = Math.max(end, endOf(start, duration, row));
  return end;
}

/** End of a span; its start when it has no end. */
export function endOf(start: Float64Array, duration: Float64Array, row: number): number {
  return start[row]! + known(duration[row]!);
}

/** A duration to reckon with: 0 for NaN, which a span without end has. */
export function known(duration: number): number {
  return Number.isNaN(duration) ? 0 : Math.max(0, duration);
}
