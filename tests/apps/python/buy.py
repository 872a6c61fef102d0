"""FastAPI app `buy`: asks the Flask app for prices. Prints its port; ends on SIGTERM, flushing."""

import logging
import os
import signal
import socket
import sys
import time

import requests
import uvicorn
from fastapi import FastAPI, HTTPException
from opentelemetry import metrics, trace

PRICE_URL = os.environ["PRICE_URL"]
log = logging.getLogger("buy")
meter = metrics.get_meter("shop.buy")
bought = meter.create_counter("shop.items.bought", unit="{item}", description="Items bought")
latency = meter.create_histogram("shop.buy.duration", unit="s", description="Time to buy")
app = FastAPI()


@app.get("/buy/{item}")
def buy(item: str):
    started = time.monotonic()
    trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
    log.warning("buying %s", item, extra={"shop.item": item})
    answer = requests.get(f"{PRICE_URL}/price/{item}", timeout=10)
    if answer.status_code != 200:
        log.error("cannot buy %s", item)
        raise HTTPException(502, detail={"trace_id": trace_id})
    bought.add(1, {"shop.item": item})
    latency.record(time.monotonic() - started, {"shop.item": item})
    return {"trace_id": trace_id, "price_trace_id": answer.json()["trace_id"]}


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again when it has stopped
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
