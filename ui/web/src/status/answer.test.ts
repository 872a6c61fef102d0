import { describe, expect, test } from "vitest";
import type { Arrived, Rejected, Status } from "../api/types";
import { answerOf, type Seen, uptime } from "./answer";

const now = 1_800_000_000_000_000_000n;
const ago = (seconds: number) => String(now - BigInt(seconds) * 1_000_000_000n);

const status: Status = {
  version: "0.1.0",
  uptime_seconds: 7300,
  ready: true,
  reason: null,
  otlp_grpc: "127.0.0.1:4317",
  otlp_http: "127.0.0.1:4318",
  http: "127.0.0.1:4319",
  tables: [],
};

function arrived(last: number): Arrived {
  const totals = {
    spans: 9,
    logs: 0,
    metrics: 0,
    requests: 1,
    rejected: 0,
    duplicates: 0,
    bytes: 1,
  };
  return {
    time: ago(0),
    sources: [{ service: "shop", signal: "traces", records: 9, requests: 1, last: ago(last) }],
    totals,
  };
}

const refused: Rejected = {
  id: 1,
  time: ago(10),
  signal: "traces",
  transport: "http",
  peer: null,
  status: "400",
  reason: "the request is not valid OTLP",
  records: null,
  content_type: "",
  encoding: "",
  bytes: 3,
  sample: "x",
  sample_kind: "text",
};

const seen = (part: Partial<Seen>): Seen => ({
  status,
  arrived: null,
  rejected: [],
  rejectedTotal: 0,
  rate: null,
  now,
  ...part,
});
const table = (newest: string) => ({
  name: "spans",
  parts: 1,
  rows: 5,
  bytes: 9,
  oldest: newest,
  newest,
});

describe("answerOf", () => {
  test("a server that refuses says why first", () => {
    const reason = "free space is below disk_free_min";
    const answer = answerOf(
      seen({ status: { ...status, ready: false, reason }, arrived: arrived(1) }),
    );
    expect(answer).toMatchObject({
      level: "bad",
      title: expect.stringContaining(reason),
      detail: expect.stringContaining("Free space"),
    });
  });
  test("nothing ever came: the addresses to send to", () => {
    expect(answerOf(seen({}))).toMatchObject({
      level: "empty",
      detail: expect.stringContaining("127.0.0.1:4317"),
    });
  });
  test("nothing since the start, though rows are stored", () => {
    const answer = answerOf(seen({ status: { ...status, tables: [table(ago(90_000))] } }));
    expect(answer).toMatchObject({
      level: "warn",
      title: "Nothing has arrived since the server started 2 h 1 min ago",
    });
    expect(answer.elsewhere).toEqual({ newest: ago(90_000), table: "spans" });
  });
  test("data arrives", () => {
    expect(answerOf(seen({ arrived: arrived(2), rate: 12.5 }))).toMatchObject({
      level: "ok",
      title: "Data arrives at 12.5 records/s",
    });
  });
  test("silence names the last that came", () => {
    expect(answerOf(seen({ arrived: arrived(700) }))).toMatchObject({
      level: "warn",
      title: expect.stringContaining("shop, 11"),
    });
  });
  test("refusals come before success, with their reason", () => {
    const answer = answerOf(seen({ arrived: arrived(1), rejected: [refused], rejectedTotal: 4 }));
    expect(answer).toMatchObject({
      level: "warn",
      title: "Data arrives, but some of it is refused",
    });
    expect(answer.detail).toContain("not valid OTLP");
  });
  test("all refused", () => {
    expect(answerOf(seen({ rejected: [refused], rejectedTotal: 1 }))).toMatchObject({
      level: "bad",
    });
  });
  test("an old refusal is no news", () => {
    expect(
      answerOf(
        seen({ arrived: arrived(1), rejected: [{ ...refused, time: ago(900) }], rejectedTotal: 1 }),
      ).level,
    ).toBe("ok");
  });
});

test("uptime", () =>
  expect([40, 750, 7300, 200_000].map(uptime)).toEqual(["40 s", "12 min", "2 h 1 min", "2 d 7 h"]));
