"""Runs both apps under `opentelemetry-instrument`, makes requests, stops them; prints what it did as JSON.

usage: drive.py GRPC_URL HTTP_URL REQUESTS. Ends by itself within DEADLINE seconds.
"""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
DEADLINE = 90
COMMON = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRIC_EXPORT_INTERVAL": "60000",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "10",
}
running = []


def start(script, name, settings):
    env = {**os.environ, **COMMON, **settings, "OTEL_SERVICE_NAME": name,
           "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,team=shop"}
    process = subprocess.Popen(
        [BIN / "opentelemetry-instrument", sys.executable, str(HERE / script)],
        env=env, stdout=subprocess.PIPE, text=True)
    running.append(process)
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit(f"{script} did not start, exit code {process.wait()}")
    return process, f"http://127.0.0.1:{line}"


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["detail"]


def stop(process):
    process.terminate()
    code = process.wait(timeout=40)
    if code != 0:
        raise SystemExit(f"an app ended with {code}")


def main(grpc, http, count):
    price, price_url = start("price.py", "price-flask", {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": grpc,
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
    })
    buy, buy_url = start("buy.py", "buy-fastapi", {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": http,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "PRICE_URL": price_url,
    })
    made = []
    for number in range(count):
        item = "ghost" if number % 5 == 4 else f"item-{number % 3}"
        status, body = get(f"{buy_url}/buy/{item}")
        made.append({"item": item, "status": status, "trace_id": body["trace_id"]})
    stop(buy)
    stop(price)
    print(json.dumps(made))


if __name__ == "__main__":
    watchdog = threading.Timer(DEADLINE, lambda: [process.kill() for process in running])
    watchdog.daemon = True
    watchdog.start()
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    finally:
        for process in running:
            process.kill()
