/** The trace that this page sends: a web shop's request in OTLP/JSON, as an SDK would send it. */

interface SampleSpan {
  service: string;
  name: string;
  /** OTLP's number of the kind. */
  kind: number;
  parent: number | null;
  /** Milliseconds after the first span's start. */
  start: number;
  end: number;
  attributes: Record<string, string | number>;
  error?: string;
}

const SPANS: SampleSpan[] = [
  {
    service: "oriel-sample-web",
    name: "GET /checkout",
    kind: 2,
    parent: null,
    start: 0,
    end: 182,
    attributes: {
      "http.request.method": "GET",
      "http.route": "/checkout",
      "http.response.status_code": 200,
    },
  },
  {
    service: "oriel-sample-web",
    name: "render",
    kind: 1,
    parent: 0,
    start: 141,
    end: 179,
    attributes: { "template.name": "checkout" },
  },
  {
    service: "oriel-sample-payment",
    name: "POST /charge",
    kind: 2,
    parent: 0,
    start: 12,
    end: 138,
    attributes: {
      "http.request.method": "POST",
      "http.route": "/charge",
      "http.response.status_code": 402,
    },
    error: "card declined",
  },
  {
    service: "oriel-sample-payment",
    name: "SELECT cards",
    kind: 3,
    parent: 2,
    start: 20,
    end: 61,
    attributes: {
      "db.system.name": "postgresql",
      "db.query.text": "SELECT * FROM cards WHERE id = $1",
    },
  },
];

export interface Sample {
  traceId: string;
  body: unknown;
}

/** `random` fills bytes; `endMs` is when the request ended, Unix ms. */
export function sampleTrace(random: (bytes: number) => Uint8Array, endMs: number): Sample {
  const hex = (bytes: number) =>
    Array.from(random(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const traceId = hex(16);
  const ids = SPANS.map(() => hex(8));
  const first = endMs - (SPANS[0]?.end ?? 0);
  const nanos = (ms: number) => `${first + ms}000000`;
  const services = [...new Set(SPANS.map((span) => span.service))];
  const resourceSpans = services.map((service) => ({
    resource: { attributes: attributes({ "service.name": service, "service.version": "1.0.0" }) },
    scopeSpans: [
      {
        scope: { name: "oriel.onboarding" },
        spans: SPANS.flatMap((span, at) =>
          span.service === service
            ? [
                {
                  traceId,
                  spanId: ids[at],
                  parentSpanId: span.parent === null ? "" : ids[span.parent],
                  name: span.name,
                  kind: span.kind,
                  startTimeUnixNano: nanos(span.start),
                  endTimeUnixNano: nanos(span.end),
                  attributes: attributes(span.attributes),
                  status: span.error ? { code: 2, message: span.error } : {},
                },
              ]
            : [],
        ),
      },
    ],
  }));
  return { traceId, body: { resourceSpans } };
}

function attributes(values: Record<string, string | number>) {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
}
