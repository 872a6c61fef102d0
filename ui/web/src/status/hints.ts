/** What a sender can do about a refusal, by the words that Oriel and OTLP use for it. */
const HINTS: [RegExp, string][] = [
  [
    /spans rejected: trace_id|invalid/i,
    "Every span needs a trace id of 16 bytes and a span id of 8 bytes, not all zero. Set them in the SDK or in the processor that makes these spans; the other records of the request were kept.",
  ],
  [
    /unauthenticated|right token/i,
    "Set OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20<token> where the data is sent from; the token is the one that Oriel was started with.",
  ],
  [
    /content.?type/i,
    "Send application/x-protobuf or application/json over HTTP, application/grpc on the gRPC port. A gRPC exporter pointed at the HTTP port looks like this: check the port.",
  ],
  [
    /content.?encoding/i,
    "Set OTEL_EXPORTER_OTLP_COMPRESSION to gzip or none (zstd and deflate are read too).",
  ],
  [
    /too.?large|larger than/i,
    "Send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or send_batch_max_size in a Collector), or raise collector.body_bytes_max.",
  ],
  [
    /unknown.?method/i,
    "The path or gRPC method is not OTLP's. Over HTTP, OTEL_EXPORTER_OTLP_ENDPOINT is the base address: the SDK appends /v1/traces, /v1/logs and /v1/metrics itself.",
  ],
  [
    /not valid OTLP|malformed|framing|protobuf|json/i,
    "The body is not OTLP. Often the exporter speaks another protocol (Zipkin, Jaeger, Prometheus) or the path belongs to another signal: compare the sample with what you meant to send.",
  ],
  [
    /poison|cannot be decoded/i,
    "Decoding failed by a fault of Oriel's, not yours. The sample helps to repair it: please report it.",
  ],
  [
    /in.?flight|overload/i,
    "More data was on its way than collector.in_flight_bytes_max. The sender was told to try again; if this lasts, send at a lower rate or raise the limit.",
  ],
  [
    /slow|body_timeout|interrupted|ended early/i,
    "The connection was too slow or broke while the body came in. The sender was told to try again; look at the network and at proxies between.",
  ],
  [
    /disk|space|refus|store/i,
    "The store does not take data now, usually because the disk is nearly full. Free space or lower the retention; senders were told to try again.",
  ],
  [/stopping/i, "The server was being stopped. Senders were told to try again."],
];

/** The advice for a reason, or null when none is known. */
export function hintFor(reason: string): string | null {
  return HINTS.find(([pattern]) => pattern.test(reason))?.[1] ?? null;
}
