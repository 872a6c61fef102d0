"""What the write path of a whole server costs: signals, transports, durability, latency.

    cargo build --release
    write_path.py target/release/oriel [--count 1M] [--seconds 15] [costs] [tax] [latency]

costs    CPU seconds per million records and per gigabyte of OTLP of each signal, over gRPC and HTTP, until the
         last answer and until all rows are in merged files; a server of its own for each
tax      CPU and throughput with real syncs, and with syncs that do nothing (no_sync.c, preloaded)
latency  p50 and p99 at half of the rate that the server took at most, and what a sync costs the disk at least

Sender and server share the machine. CPU holds on a busy machine, about; throughput and latency do not: the load
is printed.
"""

import argparse
import ctypes
import json
import mmap
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
FREE = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--http", "127.0.0.1:0"]
SIZES = [4096, 16384, 65536]


class Server:
    """A server of its own with default settings, below `home`."""

    def __init__(self, binary: Path, home: Path, preload: Path | None = None):
        self.binary = binary
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ORIEL_")}
        preloaded = {"LD_PRELOAD": str(preload)} if preload else {}
        self.data = tempfile.TemporaryDirectory(dir=home)
        self.log = Path(self.data.name) / "log"
        self.process = subprocess.Popen(
            [binary, "--data-dir", Path(self.data.name) / "data", *FREE], env=self.env | preloaded,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("w"),
        )
        self.grpc, self.http, self.url = map(self.address, ["OTLP/gRPC", "OTLP/HTTP", "UI and API"])
        for _ in range(600):
            try:
                if urllib.request.urlopen(f"http://{self.url}/ready").status == 200:
                    return
            except urllib.error.URLError:
                time.sleep(0.1)
        sys.exit("oriel is never ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.data.cleanup()

    def address(self, label: str) -> str:
        for _ in range(600):
            if found := re.search(rf"{label}\s+(?:http://)?(\S+)", self.log.read_text()):
                return found[1]
            time.sleep(0.1)
        sys.exit(f"oriel does not say where it listens for {label}:\n{self.log.read_text()}")

    def load(self, *flags: str, http: bool = False) -> dict:
        """The report of the load generator."""
        to = ["--http", f"http://{self.http}"] if http else ["--grpc", self.grpc]
        command = [self.binary, "bench", "ingest", *to, "--url", f"http://{self.url}", "--json", "--quiet", *flags]
        run = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"oriel bench ingest failed: {run.stderr}")
        return json.loads(run.stdout)


def costs(args, home: Path) -> None:
    print("| signal, transport, records a request | B a record | CPU s/M to the answer | s/GB | settled s/M | s/GB "
          "| records/s | peak MiB |\n|---|---|---|---|---|---|---|---|")
    for signal in ["traces", "logs", "metrics"]:
        for http, batch in [(False, 512), (True, 512), (False, 10)]:
            with Server(args.oriel, home) as server:
                count = args.count if batch > 10 else args.count // 5
                report = server.load("--signal", signal, "--count", str(count), "--rate", "max", "--batch", str(batch),
                                     "--settle", "120s", http=http)
            cost, records, size = report["server"], report["records_accepted"], report["otlp_bytes"]
            cell = lambda spent: (f"{spent['cpu_seconds_per_million']:.2f} | {spent['cpu_seconds'] / size * 1e9:.1f}")
            print(f"| {signal}, {'HTTP' if http else 'gRPC'}, {batch} | {size / records:.0f} | {cell(cost['answered'])} "
                  f"| {cell(cost['settled'])} | {report['records_per_second']:.0f} "
                  f"| {cost['rss_bytes_peak'] >> 20} |", flush=True)


def tax(args, home: Path) -> None:
    shim = home / "no_sync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, HERE / "no_sync.c"], check=True)
    print("| spans a request, connections | syncs | CPU s/M to the answer | spans/s | p50 ms | p99 ms |\n|---|---|---|---|---|---|")
    for batch, connections in [(512, 4), (10, 64)]:
        for preload in [None, shim, None, shim]:
            with Server(args.oriel, home, preload) as server:
                count = args.count if batch > 10 else args.count // 5
                report = server.load("--count", str(count), "--rate", "max", "--batch", str(batch), "--connections",
                                     str(connections), "--in-flight", str(max(16, connections)))
            latency = report["latency_ms"]
            print(f"| {batch}, {connections} | {'none' if preload else 'real'} "
                  f"| {report['server']['answered']['cpu_seconds_per_million']:.2f} "
                  f"| {report['records_per_second']:.0f} | {latency['p50']} | {latency['p99']} |", flush=True)


def syncs(home: Path) -> None:
    """Writes into a file of zeros, sync by sync, as the log does."""
    libc = ctypes.CDLL(None, use_errno=True)
    print("| write | p50 ms | p99 ms | of |\n|---|---|---|---|")
    for size in SIZES:
        path = home / "floor"
        path.write_bytes(bytes(64 << 20))
        file = os.open(path, os.O_WRONLY)
        os.fsync(file)
        page, times = mmap.mmap(-1, size), []
        page.write(b"x" * size)
        for at in range(0, min(500 * size, 64 << 20), size):
            start = time.perf_counter()
            os.pwrite(file, page, at)
            if libc.fdatasync(file) != 0:
                sys.exit("fdatasync fails")
            times.append((time.perf_counter() - start) * 1000)
        os.close(file)
        times.sort()
        print(f"| {size >> 10} KiB | {times[len(times) // 2]:.2f} | {times[len(times) * 99 // 100]:.2f} | {len(times)} |")


def latency(args, home: Path) -> None:
    syncs(home)
    print("\n| spans a request | at most, spans/s | at half of it: p50 ms | p99 ms | CPU s/M |\n|---|---|---|---|---|")
    for batch in [512, 10]:
        with Server(args.oriel, home) as server:
            flags = ["--batch", str(batch), "--connections", "16"]
            seconds = ["--duration", f"{args.seconds}s"]
            most = server.load("--rate", "max", *flags, *seconds)["records_per_second"]
            report = server.load("--rate", str(int(most / 2)), *flags, *seconds)
        times = report["latency_ms"]
        print(f"| {batch} | {most:.0f} | {times['p50']} | {times['p99']} "
              f"| {report['server']['answered']['cpu_seconds_per_million']:.2f} |", flush=True)


def number(text: str) -> int:
    factor = {"k": 1_000, "M": 1_000_000}.get(text[-1])
    return int(float(text[:-1]) * factor) if factor else int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("oriel", type=Path, help="a release build")
    parser.add_argument("what", nargs="*", default=["costs", "tax", "latency"])
    parser.add_argument("--count", type=number, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=15)
    args = parser.parse_args()
    args.oriel = args.oriel.resolve()
    steps = {"costs": costs, "tax": tax, "latency": latency}
    with tempfile.TemporaryDirectory() as home:
        for what in args.what:
            if what not in steps:
                parser.error(f"{what} is none of {', '.join(steps)}")
            print(f"## {what} (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)\n")
            steps[what](args, Path(home))
            print()


main()
