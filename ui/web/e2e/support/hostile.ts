// Telemetry as an attacker or a broken program would send it: markup, scripts, terminal escapes,
// text that runs backwards, a megabyte in one value, ten thousand attributes.

import type { Server } from "./server.ts";

const ESC = String.fromCharCode(27);

/** Values that must be shown as the text they are. */
export const HOSTILE = {
  script: "<script>window.hacked=1</script>",
  image: '<img src=x onerror="window.hacked=2">',
  link: '<a href="javascript:window.hacked=3">click</a>',
  svg: "<svg/onload=window.hacked=4>",
  template: "{{constructor.constructor('window.hacked=5')()}}",
  quote: `"'><style>*{display:none}</style>`,
  ansi: `${ESC}[31mred${ESC}[0m ${ESC}]8;;javascript:window.hacked=6${ESC}\\link${ESC}]8;;${ESC}\\`,
  bidi: "user\u202Etxt.exe\u2066 \u2069admin",
  zero: "a\u200Bb\u0000c\u0007d",
  surrogates: "👩‍👩‍👧‍👦 🇩🇪 ﷽ Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!",
  sql: "'; DROP TABLE spans; --",
} as const;

export const HOSTILE_TRACE = "0123456789abcdef0123456789abcdef";
export const HOSTILE_SPAN = "00000000000000a1";
/** A megabyte of text; its last word proves that it is shown whole. */
export const MEGABYTE = `${"lorem ipsum dolor ".repeat(58_254)}the-very-end`;

const text = (value: string) => ({ stringValue: value });

function attributes(): { key: string; value: { stringValue: string } }[] {
  const values = Object.entries(HOSTILE).map(([key, value]) => ({
    key: `hostile.${key}`,
    value: text(value),
  }));
  const keys = Object.values(HOSTILE).map((key) => ({ key, value: text("a hostile key") }));
  const many = Array.from({ length: 10_000 }, (_, index) => ({
    key: `many.${String(index).padStart(5, "0")}`,
    value: text(`value ${index}`),
  }));
  return [...values, ...keys, { key: "large", value: text(MEGABYTE) }, ...many];
}

/** Sends one trace, logs and metrics made of hostile values, at the time `now`. */
export async function sendHostile(server: Server, now: bigint): Promise<void> {
  const at = (millis: number) => String(now + BigInt(millis) * 1_000_000n);
  const resource = {
    attributes: [{ key: "service.name", value: text(HOSTILE.image) }],
  };
  const names = Object.values(HOSTILE);
  const children = names.map((name, index) => ({
    traceId: HOSTILE_TRACE,
    spanId: `00000000000001${index.toString(16).padStart(2, "0")}`,
    parentSpanId: HOSTILE_SPAN,
    name,
    kind: 1,
    startTimeUnixNano: at(index),
    endTimeUnixNano: at(index + 5),
    status: { code: 2, message: name },
    attributes: [{ key: "index", value: { intValue: String(index) } }],
  }));
  const root = {
    traceId: HOSTILE_TRACE,
    spanId: HOSTILE_SPAN,
    name: HOSTILE.script,
    kind: 2,
    startTimeUnixNano: at(0),
    endTimeUnixNano: at(50),
    attributes: attributes(),
    events: [{ timeUnixNano: at(1), name: HOSTILE.svg, attributes: attributes().slice(0, 12) }],
  };
  await server.export("traces", {
    resourceSpans: [
      { resource, scopeSpans: [{ scope: { name: HOSTILE.link }, spans: [root, ...children] }] },
    ],
  });
  const lines = [...names, MEGABYTE].map((body, index) => ({
    timeUnixNano: at(index),
    severityNumber: 17,
    severityText: "ERROR",
    body: text(body),
    traceId: HOSTILE_TRACE,
    spanId: HOSTILE_SPAN,
    attributes: attributes().slice(0, 22),
  }));
  await server.export("logs", {
    resourceLogs: [{ resource, scopeLogs: [{ logRecords: lines }] }],
  });
  await server.export("metrics", {
    resourceMetrics: [
      {
        resource,
        scopeMetrics: [
          {
            metrics: names.map((name) => ({
              name,
              description: HOSTILE.script,
              unit: HOSTILE.svg,
              gauge: {
                dataPoints: [
                  {
                    timeUnixNano: at(0),
                    asDouble: 1.5,
                    attributes: [{ key: name, value: text(name) }],
                  },
                ],
              },
            })),
          },
        ],
      },
    ],
  });
}
