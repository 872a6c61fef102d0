"""Flask app `price`: tells prices, fails for one item. Prints its port; ends on SIGTERM, flushing."""

import logging
import signal
import sys
import time

from flask import Flask, jsonify
from opentelemetry import metrics, trace
from werkzeug.serving import make_server

log = logging.getLogger("price")
meter = metrics.get_meter("shop.price")
served = meter.create_counter("shop.prices.served", unit="{price}", description="Prices told")
latency = meter.create_histogram("shop.price.duration", unit="s", description="Time to find a price")
app = Flask(__name__)


class UnknownItem(Exception):
    """No such item."""


@app.get("/price/<item>")
def price(item):
    started = time.monotonic()
    with trace.get_tracer("shop.price").start_as_current_span(
        "look up", attributes={"shop.item": item, "shop.attempt": 1, "shop.cached": False}
    ) as span:
        span.add_event("looked", {"shop.shelf": 7})
        if item == "ghost":
            log.error("no price for %s", item)
            raise UnknownItem(item)
        log.warning("price of %s is %d", item, len(item))
    served.add(1, {"shop.item": item})
    latency.record(time.monotonic() - started, {"shop.item": item})
    return jsonify(price=len(item), trace_id=format(trace.get_current_span().get_span_context().trace_id, "032x"))


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(server.server_port, flush=True)
    server.serve_forever()
