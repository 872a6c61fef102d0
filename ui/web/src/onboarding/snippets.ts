/** What to copy, by language, with this server's own address filled in. */

export interface Snippet {
  /** What the block is, above it. */
  title: string;
  text: string;
}

export interface Language {
  id: string;
  name: string;
  snippets(endpoint: string, token: boolean): Snippet[];
}

/** The settings that every SDK reads. */
function environment(endpoint: string, token: boolean): string {
  const lines = [
    "export OTEL_SERVICE_NAME=my-service",
    `export OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}`,
    "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
  ];
  if (token) lines.push('export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20YOUR_TOKEN"');
  return lines.join("\n");
}

const python: Language = {
  id: "python",
  name: "Python",
  snippets: (endpoint, token) => [
    {
      title: "Install once",
      text: "pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install",
    },
    {
      title: "Run your program with it",
      text: `${environment(endpoint, token)}\nopentelemetry-instrument python app.py`,
    },
  ],
};

const node: Language = {
  id: "node",
  name: "Node.js",
  snippets: (endpoint, token) => [
    {
      title: "Install once",
      text: "npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node",
    },
    {
      title: "Run your program with it",
      text: `${environment(endpoint, token)}\nnode --require @opentelemetry/auto-instrumentations-node/register app.js`,
    },
  ],
};

const java: Language = {
  id: "java",
  name: "Java",
  snippets: (endpoint, token) => [
    {
      title: "Get the agent once",
      text: "curl -LO https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/latest/download/opentelemetry-javaagent.jar",
    },
    {
      title: "Run your program with it",
      text: `${environment(endpoint, token)}\njava -javaagent:opentelemetry-javaagent.jar -jar app.jar`,
    },
  ],
};

const go: Language = {
  id: "go",
  name: "Go",
  snippets: (endpoint, token) => [
    {
      title: "Install once",
      text: [
        "go get go.opentelemetry.io/otel/sdk",
        "go get go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp",
      ].join("\n"),
    },
    {
      title: "In main",
      text: [
        "exporter, err := otlptracehttp.New(ctx) // reads the settings below",
        "if err != nil {",
        "\tlog.Fatal(err)",
        "}",
        "provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))",
        "defer provider.Shutdown(ctx)",
        "otel.SetTracerProvider(provider)",
        "",
        'ctx, span := otel.Tracer("main").Start(ctx, "hello")',
        "span.End()",
      ].join("\n"),
    },
    { title: "Run it", text: `${environment(endpoint, token)}\ngo run .` },
  ],
};

const rust: Language = {
  id: "rust",
  name: "Rust",
  snippets: (endpoint, token) => [
    {
      title: "Install once",
      text: "cargo add opentelemetry opentelemetry_sdk\ncargo add opentelemetry-otlp --features http-proto,reqwest-blocking-client",
    },
    {
      title: "In main",
      text: [
        "use opentelemetry::trace::{Tracer, TracerProvider};",
        "",
        "let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;",
        "let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()",
        "    .with_batch_exporter(exporter)",
        "    .build();",
        'provider.tracer("main").in_span("hello", |_| {});',
        "provider.shutdown()?;",
      ].join("\n"),
    },
    { title: "Run it", text: `${environment(endpoint, token)}\ncargo run` },
  ],
};

const collector: Language = {
  id: "collector",
  name: "Collector",
  snippets: (endpoint, token) => [
    {
      title: "In the collector's configuration",
      text: [
        "exporters:",
        "  otlphttp/oriel:",
        `    endpoint: ${endpoint}`,
        "    compression: zstd",
        ...(token ? ["    headers:", "      Authorization: Bearer YOUR_TOKEN"] : []),
        "",
        "service:",
        "  pipelines:",
        "    traces: { receivers: [otlp], exporters: [otlphttp/oriel] }",
        "    logs: { receivers: [otlp], exporters: [otlphttp/oriel] }",
        "    metrics: { receivers: [otlp], exporters: [otlphttp/oriel] }",
      ].join("\n"),
    },
  ],
};

const curl: Language = {
  id: "curl",
  name: "curl",
  snippets: (endpoint, token) => [
    {
      title: "One span, by hand",
      text: [
        `curl ${endpoint}/v1/traces \\`,
        ...(token ? ["  -H 'Authorization: Bearer YOUR_TOKEN' \\"] : []),
        "  -H 'Content-Type: application/json' -d @- <<EOF",
        '{"resourceSpans":[{"resource":{"attributes":[',
        '  {"key":"service.name","value":{"stringValue":"my-service"}}]},',
        ' "scopeSpans":[{"spans":[{"name":"hello","kind":2,',
        '  "traceId":"$(openssl rand -hex 16)","spanId":"$(openssl rand -hex 8)",',
        '  "startTimeUnixNano":"$(date +%s)000000000",',
        '  "endTimeUnixNano":"$(date +%s)250000000"}]}]}]}',
        "EOF",
      ].join("\n"),
    },
  ],
};

export const LANGUAGES: readonly Language[] = [python, node, java, go, rust, collector, curl];
