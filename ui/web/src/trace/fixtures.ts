/** Skeletons for tests: literal ones, and random forests from a seed. Imported by tests only. */
import {
  columnFromArray,
  dictionary,
  fixedSizeBinary,
  float64,
  int32,
  tableFromColumns,
  tableToIPC,
  uint8,
  utf8,
} from "@uwdata/flechette";
import type { Skeleton } from "./skeleton";

export interface SpanFixture {
  parent?: number;
  service?: string;
  name?: string;
  start?: number;
  duration?: number;
  kind?: number;
  status?: number;
  flags?: number;
}

export function skeletonOf(spans: readonly SpanFixture[]): Skeleton {
  const services: string[] = [];
  const names: string[] = [];
  const intern = (words: string[], word: string) => {
    const at = words.indexOf(word);
    return at >= 0 ? at : words.push(word) - 1;
  };
  const spanIds = new Uint8Array(spans.length * 8);
  spans.forEach((_, row) => {
    new DataView(spanIds.buffer).setBigUint64(row * 8, BigInt(row + 1));
  });
  return {
    traceId: `${"0".repeat(31)}1`,
    traceStart: 1_000_000_000n,
    snapshot: "",
    count: spans.length,
    spanIds,
    parent: Int32Array.from(spans, (span) => span.parent ?? -1),
    start: Float64Array.from(spans, (span) => span.start ?? 0),
    duration: Float64Array.from(spans, (span) => span.duration ?? 10),
    self: Float64Array.from(spans, (span) => span.duration ?? 10),
    service: Int32Array.from(spans, (span) => intern(services, span.service ?? "shop")),
    name: Int32Array.from(spans, (span, row) => intern(names, span.name ?? `op ${row}`)),
    services,
    names,
    kind: Uint8Array.from(spans, (span) => span.kind ?? 1),
    status: Uint8Array.from(spans, (span) => span.status ?? 0),
    flags: Uint8Array.from(spans, (span) => span.flags ?? 0),
  };
}

/** A small linear congruential generator: equal seeds give equal forests. */
export function random(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

/** Any parent may be named, later ones and itself too: orphans, cycles and several roots appear. */
export function randomSpans(seed: number, count: number): SpanFixture[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, row) => {
    const roll = next(20);
    const parent =
      roll === 0 ? -1 : roll === 1 ? -2 : roll === 2 ? next(count) : row === 0 ? -1 : next(row);
    return {
      parent,
      service: `service ${next(3)}`,
      name: `op ${next(4)}`,
      start: row * 3,
      duration: next(10) === 0 ? Number.NaN : next(200),
      status: next(6) === 0 ? 2 : 0,
      kind: next(6),
    };
  });
}

/** The Arrow stream that the server would send for the skeleton. */
export function encodeSkeleton(skeleton: Skeleton): Uint8Array {
  const ids = Array.from({ length: skeleton.count }, (_, row) =>
    skeleton.spanIds.slice(row * 8, row * 8 + 8),
  );
  const words = (indices: Int32Array, list: readonly string[]) =>
    columnFromArray(
      Array.from(indices, (index) => list[index]!),
      dictionary(utf8(), int32()),
    );
  const table = tableFromColumns({
    span_id: columnFromArray(ids, fixedSizeBinary(8)),
    parent: columnFromArray(skeleton.parent, int32()),
    start: columnFromArray(skeleton.start, float64()),
    duration: columnFromArray(skeleton.duration, float64()),
    self: columnFromArray(skeleton.self, float64()),
    service: words(skeleton.service, skeleton.services),
    name: words(skeleton.name, skeleton.names),
    kind: columnFromArray(skeleton.kind, uint8()),
    status: columnFromArray(skeleton.status, uint8()),
    flags: columnFromArray(skeleton.flags, uint8()),
  });
  const { traceId, traceStart, snapshot } = skeleton;
  const metadata = new Map([
    ["trace_id", traceId],
    ["trace_start", String(traceStart)],
    ["snapshot", snapshot],
  ]);
  Object.assign(table.schema, { metadata });
  return tableToIPC(table, { format: "stream" }) as Uint8Array;
}
