// Makes one trace of any size from a seed and posts it to a server, OTLP/JSON in several requests.
//
//   node e2e/generate-trace.mjs --url http://127.0.0.1:4319 --spans 100000 --depth 40 --services 12 \
//     --seed 1 [--orphans 5] [--cycles 1] [--skew 1] [--errors 0.01] [--start <unix ns>] [--trace <hex>]
//
// Equal parameters make equal traces. Prints the trace id. Also importable: `generateTrace`, `postTrace`.

const OPERATIONS = {
  client: ["GET", "POST", "SELECT orders", "SELECT items", "cache get", "publish order"],
  server: ["GET /cart", "POST /pay", "GET /items/{id}", "POST /orders", "GET /health", "charge"],
  internal: ["render", "validate", "serialize", "authorize", "price", "retry"],
};
const SERVICES = [
  "checkout",
  "payment",
  "cart",
  "catalog",
  "gateway",
  "orders",
  "shipping",
  "search",
  "accounts",
  "inventory",
  "mail",
  "fraud",
  "pricing",
  "ledger",
  "sessions",
  "reviews",
];
const SPANS_PER_REQUEST = 5000;

/** A small linear congruential generator in [0, 1). */
function random(seed) {
  let state = (Math.imul(seed, 2654435761) + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

const hex = (value, digits) => value.toString(16).padStart(digits, "0");
const text = (key, value) => ({ key, value: { stringValue: value } });
const number = (key, value) => ({ key, value: { intValue: String(value) } });

/** Spans as { row, parent, service, name, kind, start, end, status }, times in ns after the start. */
export function generateTrace({
  spans = 1000,
  depth = 12,
  services = 8,
  seed = 1,
  errors = 0.01,
  orphans = 0,
  cycles = 0,
  skew = 0,
} = {}) {
  const next = random(seed);
  const below = (n) => Math.floor(next() * n);
  const total = 1e6 * Math.max(400, spans / 20);
  const made = [
    {
      row: 0,
      parent: -1,
      service: 0,
      name: "POST /checkout",
      kind: 2,
      start: 0,
      end: total,
      status: 0,
      level: 0,
    },
  ];
  while (made.length < spans) {
    const row = made.length;
    // Mostly under recent spans, so that the tree grows deep as well as wide.
    let parent = made[next() < 0.75 ? Math.max(0, row - 1 - below(12)) : below(row)];
    while (
      parent.level >= depth - 1 ||
      (parent.end - parent.start < 200_000 && parent.parent >= 0)
    ) {
      parent = made[parent.parent];
    }
    const room = parent.end - parent.start;
    const burst = next() < 0.012 ? 5 + below(40) : 1;
    const crosses = next() < 0.35;
    const service = crosses ? below(services) : parent.service;
    const kind = crosses ? 2 : next() < 0.5 ? 1 : 3;
    const names =
      kind === 2 ? OPERATIONS.server : kind === 3 ? OPERATIONS.client : OPERATIONS.internal;
    const name = names[below(names.length)];
    const slice = room / (burst + 1);
    for (let i = 0; i < burst && made.length < spans; i++) {
      const start = Math.floor(
        parent.start + (burst === 1 ? next() * next() * room * 0.7 : slice * (i + 0.5 * next())),
      );
      const length = Math.max(
        1000,
        Math.floor(
          burst === 1 ? (0.15 + 0.8 * next()) * (parent.end - start) : slice * (0.2 + 0.6 * next()),
        ),
      );
      made.push({
        row: made.length,
        parent: parent.row,
        service,
        name,
        kind,
        start,
        end: Math.min(start + length, Math.max(parent.end, start + 1000)),
        status: next() < errors ? 2 : 0,
        level: parent.level + 1,
      });
    }
  }
  for (let i = 0; i < orphans; i++) made[1 + below(spans - 1)].parent = -2;
  for (let i = 0; i < cycles; i++) {
    const at = made[1 + below(spans - 1)];
    at.parent = at.row;
  }
  if (skew > 0)
    for (const span of made)
      if (span.service === 1 && span.kind === 2) {
        span.start -= skew * total;
        span.end -= skew * total;
      }
  return made;
}

function attributes(span, next) {
  const list = [
    number("thread.id", span.row % 16),
    text("code.function", `handle_${span.row % 40}`),
  ];
  if (span.kind === 3 && span.name.startsWith("SELECT")) {
    list.push(
      text("db.system.name", "postgresql"),
      text(
        "db.query.text",
        `SELECT id, name, price FROM ${span.name.slice(7)} WHERE id = $1 AND deleted_at IS NULL ORDER BY created_at DESC LIMIT 20`,
      ),
    );
  } else if (span.kind === 2) {
    list.push(
      text("http.request.method", span.name.split(" ")[0]),
      text("http.route", span.name.split(" ")[1] ?? "/"),
      number("http.response.status_code", span.status === 2 ? 500 : 200),
    );
  }
  if (next() < 0.02) list.push(text("note", `payment_${span.row}`));
  return list;
}

function events(span, start) {
  if (span.status !== 2) return [];
  return [
    {
      timeUnixNano: String(start + BigInt(Math.floor((span.end - span.start) / 2 + span.start))),
      name: "exception",
      attributes: [
        text("exception.type", "CardDeclined"),
        text("exception.message", "card declined"),
        text(
          "exception.stacktrace",
          'Traceback (most recent call last):\n  File "pay.py", line 41, in charge\n    raise CardDeclined(card)\nCardDeclined: card declined',
        ),
      ],
    },
  ];
}

/** OTLP/JSON request bodies, one at a time. */
export function* requests(made, { traceId, start, seed = 1 }) {
  const next = random(seed + 7);
  const id = (row) => hex(row + 1 + seed * 16777216, 16);
  for (let from = 0; from < made.length; from += SPANS_PER_REQUEST) {
    const byService = Map.groupBy
      ? Map.groupBy(made.slice(from, from + SPANS_PER_REQUEST), (span) => span.service)
      : group(made.slice(from, from + SPANS_PER_REQUEST));
    yield {
      resourceSpans: [...byService].map(([service, list]) => ({
        resource: {
          attributes: [
            text("service.name", serviceName(service)),
            text("service.version", `1.${service}.0`),
            text("host.name", `node-${service % 4}`),
          ],
        },
        scopeSpans: [
          {
            scope: { name: "oriel.generator", version: "1" },
            spans: list.map((span) => ({
              traceId,
              spanId: id(span.row),
              ...(span.parent === -1
                ? {}
                : {
                    parentSpanId:
                      span.parent === -2
                        ? hex(span.row + 1, 16).replace(/^0{4}/, "dead")
                        : id(span.parent),
                  }),
              name: span.name,
              kind: span.kind,
              startTimeUnixNano: String(start + BigInt(Math.round(span.start))),
              endTimeUnixNano: String(start + BigInt(Math.round(span.end))),
              status: span.status === 2 ? { code: 2, message: "card declined" } : {},
              attributes: attributes(span, next),
              events: events(span, start),
            })),
          },
        ],
      })),
    };
  }
}

function group(spans) {
  const groups = new Map();
  for (const span of spans) groups.set(span.service, [...(groups.get(span.service) ?? []), span]);
  return groups;
}

function serviceName(index) {
  return SERVICES[index] ?? `service-${index}`;
}

export async function postTrace(url, made, options) {
  for (const body of requests(made, options)) {
    const answer = await fetch(`${url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
  }
}

if (globalThis.process?.argv[1] && import.meta.url.endsWith(process.argv[1].split("/").pop())) {
  const { parseArgs } = await import("node:util");
  const given = (fallback) => ({ type: "string", default: String(fallback) });
  const { values } = parseArgs({
    options: {
      url: given("http://127.0.0.1:4319"),
      spans: given(1000),
      depth: given(12),
      services: given(8),
      seed: given(1),
      errors: given(0.01),
      orphans: given(0),
      cycles: given(0),
      skew: given(0),
      start: given(BigInt(Date.now() - 60_000) * 1_000_000n),
      trace: { type: "string" },
    },
  });
  const options = Object.fromEntries(
    ["spans", "depth", "services", "seed", "errors", "orphans", "cycles", "skew"].map((name) => [
      name,
      Number(values[name]),
    ]),
  );
  const traceId =
    values.trace ??
    hex(BigInt(options.seed) * 0x9e3779b97f4a7c15n + BigInt(options.spans), 32).slice(-32);
  await postTrace(values.url, generateTrace(options), {
    traceId,
    start: BigInt(values.start),
    seed: options.seed,
  });
  console.log(traceId);
}
