import { expect, test } from "vitest";
import { hintFor } from "./hints";

test.each([
  [
    "2 spans rejected: trace_id must be 16 bytes and span_id 8 bytes, not all zero",
    "trace id of 16 bytes",
  ],
  [
    "the request does not carry the right token: send authorization: Bearer <token>",
    "OTEL_EXPORTER_OTLP_HEADERS",
  ],
  [
    'content type "text/plain" is not supported: send application/x-protobuf or application/json',
    "check the port",
  ],
  ['content encoding "br" is not supported: send gzip, zstd, deflate or identity', "COMPRESSION"],
  [
    "the request is larger than 16777216 bytes: send smaller batches or raise body_bytes_max",
    "smaller batches",
  ],
  ["unknown method /v1/foo", "base address"],
  ["the request is not valid OTLP: wire type 7", "another protocol"],
  ["too many bytes in flight: send again later", "in_flight_bytes_max"],
  ["the request body took longer than body_timeout", "network"],
  ["not writable: free space is below disk_free_min", "disk is nearly full"],
])("%s", (reason, advice) => expect(hintFor(reason)).toContain(advice));

test("an unknown reason gets no made-up advice", () => expect(hintFor("xyz")).toBeNull());
