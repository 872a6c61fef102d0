// Node app `notify-node`: nested spans with an exception event, log records and metrics, sent as OTLP/JSON.
// usage: node app.mjs HTTP_URL COUNT. Prints the trace ids as JSON; flushes and ends by itself.
import { SpanKind, SpanStatusCode, metrics, trace } from '@opentelemetry/api';
import { SeverityNumber, logs } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

const [url, count] = [process.argv[2], Number(process.argv[3])];
setTimeout(() => process.exit(3), 60_000).unref();

const sdk = new NodeSDK({
  serviceName: 'notify-node',
  traceExporter: new OTLPTraceExporter({ url: `${url}/v1/traces` }),
  logRecordProcessors: [
    new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${url}/v1/logs` }) }),
  ],
  metricReaders: [
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics` }),
    }),
  ],
});
sdk.start();

const tracer = trace.getTracer('shop.notify', '1.2.3');
const logger = logs.getLogger('shop.notify');
const meter = metrics.getMeter('shop.notify');
const sent = meter.createCounter('shop.mails.sent', { unit: '{mail}' });
const size = meter.createHistogram('shop.mail.size', { unit: 'By' });
const made = [];

for (let number = 0; number < count; number++) {
  tracer.startActiveSpan('notify', { kind: SpanKind.CONSUMER }, (outer) => {
    outer.setAttributes({ 'shop.mail.number': number, 'shop.mail.weight': 0.5, 'shop.mail.to': ['a', 'b'] });
    tracer.startActiveSpan('send mail', { kind: SpanKind.CLIENT, attributes: { 'server.address': 'smtp' } }, (inner) => {
      logger.emit({
        severityNumber: SeverityNumber.WARN,
        severityText: 'WARN',
        body: `mail ${number} bounced`,
        attributes: { 'shop.mail.number': number },
      });
      inner.recordException(new TypeError(`mailbox ${number} full`));
      inner.setStatus({ code: SpanStatusCode.ERROR, message: 'bounced' });
      inner.end();
    });
    logger.emit({ severityNumber: SeverityNumber.INFO, body: { mail: number, parts: ['text', 'html'] } });
    outer.end();
    made.push(outer.spanContext().traceId);
  });
  sent.add(2, { 'shop.mail.kind': 'receipt' });
  size.record(100 + number);
}
await sdk.shutdown();
console.log(JSON.stringify(made));
