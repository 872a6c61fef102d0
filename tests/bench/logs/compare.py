"""`make bench-logs`: log search in Oriel, ClickHouse (chdb) and DuckDB on the same generated lines.

1. A fresh Oriel takes LINES lines (`oriel bench ingest`), flushes, merges and indexes them.
2. chdb inserts the same rows from Oriel's Parquet files into a MergeTree table with a text index and a bloom
   filter on trace ids; DuckDB reads the Parquet files themselves.
3. Every question is asked of all three. Answers must be equal; then each is asked RUNS times, and the
   times (of the client) and the CPU of the asked process are printed as a table in Markdown.

compare.py [--lines 1M] [--runs 15] [--oriel PATH] [--dir DIR] [--keep] [--without-index]
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RARE = "split brain suspected"
NEWEST = "ORDER BY timestamp DESC LIMIT 100"


def number(text: str) -> int:
    factor = {"k": 1_000, "M": 1_000_000}.get(text[-1])
    return int(float(text[:-1]) * factor) if factor else int(text)


class Oriel:
    """A server of its own, with default settings."""

    name = "Oriel"

    def __init__(self, binary: Path, data: Path, settings: dict[str, str]):
        env = {name: value for name, value in os.environ.items() if not name.startswith("ORIEL_")}
        free = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        self.data, self.binary, self.env = data, binary, env
        self.log = open(data.with_suffix(".log"), "w+")
        self.process = subprocess.Popen(
            [binary, "--data-dir", data, *free], env=env | settings, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log,
        )
        self.grpc = self.address("OTLP/gRPC")
        self.url = "http://" + self.address("UI and API")
        while self.ready() != 200:
            time.sleep(0.1)

    def address(self, label: str) -> str:
        for _ in range(600):
            text = Path(self.log.name).read_text()
            found = re.search(rf"{label}\s+(?:http://)?(\S+)", text)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"oriel does not say where it listens for {label}:\n{text}")

    def ready(self) -> int:
        try:
            return urllib.request.urlopen(self.url + "/ready").status
        except urllib.error.HTTPError as error:
            return error.code

    def ingest(self, lines: int) -> dict:
        """Sends the lines and waits until they are in files; the report of the load generator."""
        run = subprocess.run(
            [self.binary, "bench", "ingest", "--signal", "logs", "--count", str(lines), "--rate", "max",
             "--spread", "24h", "--grpc", self.grpc, "--url", self.url, "--settle", "3600s", "--json", "--quiet"],
            env=self.env, capture_output=True, text=True,
        )
        if run.returncode != 0:
            sys.exit(f"oriel bench ingest failed: {run.stderr}")
        return json.loads(run.stdout)

    def ask(self, sql: str) -> list[tuple]:
        request = urllib.request.Request(
            self.url + "/api/v1/sql", json.dumps({"sql": sql}).encode(), {"content-type": "application/json"}
        )
        try:
            answer = json.load(urllib.request.urlopen(request))
        except urllib.error.HTTPError as error:
            sys.exit(f"Oriel: {error.read().decode()}\n{sql}")
        self.receipt = answer["receipt"]
        return [tuple(row) for row in answer["rows"]]

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def parts(self) -> list[str]:
        db = sqlite3.connect(f"file:{self.data}/catalog.sqlite?mode=ro", uri=True)
        rows = db.execute(
            "SELECT s.path || t.path || f.path FROM ducklake_data_file f JOIN ducklake_table t USING (table_id) "
            "JOIN ducklake_schema s USING (schema_id) WHERE f.end_snapshot IS NULL AND t.table_name = 'logs'"
        )
        return [f"{self.data}/tables/{path}" for (path,) in rows]

    def bytes(self) -> tuple[int, int]:
        """Of live parts, and of their word indexes."""
        parts = [Path(part) for part in self.parts()]
        indexes = [self.data / "index" / part.relative_to(self.data / "tables") for part in parts]
        indexes = [index.with_suffix(".words") for index in indexes]
        size = lambda files: sum(file.stat().st_size for file in files if file.exists())
        return size(parts), size(indexes)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class ClickHouse:
    name = "chdb"

    def __init__(self, directory: Path):
        import chdb
        from chdb import session

        self.work = directory.parent
        self.session = session.Session(str(directory))
        self.version = f"chdb {chdb.__version__}, ClickHouse {self.ask('SELECT version()')[0][0]}"

    def run(self, sql: str) -> str:
        return str(self.session.query(sql, "JSONCompactEachRow"))

    def ask(self, sql: str) -> list[tuple]:
        return [tuple(json.loads(line)) for line in self.run(sql).splitlines() if line]

    def cpu(self) -> float:
        return own_cpu()

    def load(self, parts: list[str]) -> None:
        """The table of ClickHouse's OpenTelemetry exporter (order, codec), with the columns of Oriel."""
        # Not every list of paths can be written as one pattern; a folder of links can.
        links = Path(tempfile.mkdtemp(prefix="parts-", dir=self.work))
        for place, part in enumerate(parts):
            (links / f"{place}.parquet").symlink_to(Path(part).resolve())
        rows = (
            "SELECT * REPLACE (assumeNotNull(body) AS body, assumeNotNull(timestamp) AS timestamp, "
            "toLowCardinality(assumeNotNull(service_name)) AS service_name, "
            "toLowCardinality(severity_text) AS severity_text, "
            "lower(hex(assumeNotNull(trace_id))) AS trace_id, lower(hex(assumeNotNull(span_id))) AS span_id) "
            f"FROM file('{links}/*.parquet', 'Parquet')"
        )
        self.run("CREATE DATABASE bench")
        self.run(
            "CREATE TABLE bench.logs ENGINE = MergeTree PARTITION BY toDate(timestamp) "
            "ORDER BY (service_name, timestamp) "
            f"SETTINGS default_compression_codec = 'ZSTD(1)' EMPTY AS {rows}"
        )
        self.run(
            "ALTER TABLE bench.logs ADD INDEX words body TYPE "
            "text(tokenizer = 'splitByNonAlpha', preprocessor = lower(body))"
        )
        self.run("ALTER TABLE bench.logs ADD INDEX traces trace_id TYPE bloom_filter(0.001) GRANULARITY 1")
        self.run(f"INSERT INTO bench.logs {rows}")
        self.run("OPTIMIZE TABLE bench.logs FINAL")
        self.run("USE bench")

    def bytes(self) -> tuple[int, int]:
        row = self.ask(
            "SELECT toInt64(sum(bytes_on_disk)), toInt64(sum(secondary_indices_compressed_bytes)) "
            "FROM system.parts WHERE database = 'bench' AND active"
        )[0]
        everything, indexes = int(row[0]), int(row[1])
        return everything - indexes, indexes

    def raw(self) -> tuple[int, int]:
        row = self.ask("SELECT toInt64(count()), toInt64(sum(length(body))) FROM bench.logs")[0]
        return int(row[0]), int(row[1])


class DuckDB:
    name = "DuckDB"

    def __init__(self, parts: list[str]):
        import duckdb

        self.version = f"DuckDB {duckdb.__version__} on Oriel's Parquet"
        self.db = duckdb.connect()
        self.db.execute(
            f"CREATE VIEW logs AS SELECT * REPLACE (lower(hex(trace_id)) AS trace_id) FROM read_parquet({parts})"
        )

    def ask(self, sql: str) -> list[tuple]:
        return self.db.execute(sql).fetchall()

    def cpu(self) -> float:
        return own_cpu()


def questions(oriel: Oriel) -> list[tuple[str, dict[str, str], bool]]:
    """Name, condition for each system, and whether the newest 100 lines are asked for (else a count)."""
    text = oriel.ask(f"SELECT body FROM logs WHERE body LIKE '%{RARE}%' LIMIT 1")
    token = re.search(r"token ([0-9a-f-]{36})", text[0][0])[1] if text else "00000000-0000-4000-8000-000000000000"
    trace = oriel.ask("SELECT trace_id FROM logs WHERE trace_id IS NOT NULL ORDER BY timestamp DESC LIMIT 1")[0][0]
    newest = oriel.ask("SELECT cast(max(timestamp) AS varchar) FROM logs")[0][0]
    hour = oriel.ask("SELECT cast(max(timestamp) - INTERVAL '1 hour' AS varchar) FROM logs")[0][0]
    assert newest > hour
    since = lambda cast: f"service_name = 'checkout' AND severity_number >= 17 AND timestamp >= {cast}"

    def words(matches: str, clickhouse: str, pattern: str) -> dict[str, str]:
        return {
            "Oriel": f"matches(body, '{matches}')",
            "chdb": clickhouse,
            "DuckDB": f"regexp_matches(body, '(?i){pattern}')",
        }

    def same(condition: str) -> dict[str, str]:
        return {"Oriel": condition, "chdb": condition, "DuckDB": condition}

    return [
        ("needle word `diverged`", words("diverged", "hasAllTokens(body, 'diverged')", r"\bdiverged\b"), True),
        (f"phrase “{RARE}”", words(f'"{RARE}"', f"hasPhrase(body, '{RARE}')", rf"\b{RARE}\b"), True),
        ("prefix `diverg*`", words("diverg*", r"match(lower(body), '\\bdiverg')", r"\bdiverg"), True),
        ("one UUID", words(token, f"hasPhrase(body, '{token}')", rf"\b{token}\b"), True),
        ("two words, in few lines", words("fencing quorum", "hasAllTokens(body, ['fencing', 'quorum'])",
                                          r"\bfencing\b.*\bquorum\b"), True),
        ("trace id", same(f"trace_id = '{trace}'"), True),
        ("errors of a service, last hour", {
            "Oriel": since(f"TIMESTAMP '{hour}'"),
            "chdb": since(f"toDateTime64('{hour.replace('T', ' ')[:29]}', 9)"),
            "DuckDB": since(f"TIMESTAMP_NS '{hour}'"),
        }, True),
        ("frequent word `upstream` (count)", words("upstream", "hasAllTokens(body, 'upstream')",
                                                   r"\bupstream\b"), False),
        ("infix `%verge%` (count)", same("body LIKE '%verge%'"), False),
        ("regex without a word (count)", {
            "Oriel": r"regexp_like(body, '[0-9]{3}ms.*[a-f][0-9]{7}')",
            "chdb": r"match(body, '[0-9]{3}ms.*[a-f][0-9]{7}')",
            "DuckDB": r"regexp_matches(body, '[0-9]{3}ms.*[a-f][0-9]{7}')",
        }, False),
    ]


def statement(system, condition: str, newest: bool) -> str:
    if newest:
        return f"SELECT timestamp, service_name, body FROM logs WHERE {condition} {NEWEST}"
    return f"SELECT count(*) FROM logs WHERE {condition}"


def compare(systems: list, asked: list, runs: int) -> list[str]:
    """Checks answers, then measures; the lines of the table."""
    head = ["question", "lines"] + [f"{system.name}: p50, p95 ms (CPU ms)" for system in systems]
    head.append("Oriel's receipt: index")
    table = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, conditions, newest in asked:
        counts = {
            system.name: int(system.ask(statement(system, conditions[system.name], False))[0][0]) for system in systems
        }
        if len(set(counts.values())) != 1:
            sys.exit(f"{name}: the answers differ: {counts}\n{conditions}")
        if newest:
            found = {
                system.name: sorted(row[2] for row in system.ask(statement(system, conditions[system.name], True)))
                for system in systems
            }
            if len({tuple(rows) for rows in found.values()}) != 1 and max(counts.values()) <= 100:
                sys.exit(f"{name}: the lines differ")
        row = [name, f"{counts['Oriel']:,}"]
        for system in systems:
            sql = statement(system, conditions[system.name], newest)
            times, before = [], system.cpu()
            for _ in range(runs):
                start = time.perf_counter()
                system.ask(sql)
                times.append((time.perf_counter() - start) * 1e3)
                # What takes seconds is told by a few runs.
                if len(times) >= 3 and sum(times) > 10_000:
                    break
            cpu = (system.cpu() - before) / len(times) * 1e3
            times.sort()
            p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
            row.append(f"{statistics.median(times):.1f}, {p95:.1f} ({cpu:.0f})")
        used = getattr(systems[0], "receipt", {}).get("index")
        row.append(", ".join(f"{count} {what}" for what, count in used.items()) if isinstance(used, dict) else "")
        table.append("| " + " | ".join(row) + " |")
        print(table[-1], file=sys.stderr, flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=number, default=1_000_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--oriel", type=Path, default=ROOT / "target/release/oriel")
    parser.add_argument("--dir", type=Path, help="where data goes (default: a temporary directory)")
    parser.add_argument("--keep", action="store_true", help="leave the data there")
    parser.add_argument("--without-index", action="store_true",
                        help="take the lines twice, once without word indexes, to tell what these cost")
    args = parser.parse_args()
    work = args.dir or Path(tempfile.mkdtemp(prefix="oriel-bench-logs-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        report(args, work)
    finally:
        if not args.keep:
            shutil.rmtree(work, ignore_errors=True)


def report(args, work: Path) -> None:
    plain = None
    if args.without_index:
        server = Oriel(args.oriel, work / "plain", {"ORIEL_STORAGE_INDEX_ROWS_MIN": "0"})
        plain = server.ingest(args.lines)["server"]["settled"]
        server.stop()
        shutil.rmtree(work / "plain")
    server = Oriel(args.oriel, work / "oriel", {})
    try:
        ingest = server.ingest(args.lines)
        parts = server.parts()
        clickhouse = ClickHouse(work / "chdb")
        before = own_cpu()
        clickhouse.load(parts)
        inserted = own_cpu() - before
        duckdb = DuckDB(parts)
        rows, raw = clickhouse.raw()
        if rows != args.lines:
            sys.exit(f"chdb has {rows} of {args.lines} lines")
        table = compare([server, clickhouse, duckdb], questions(server), args.runs)
    finally:
        server.stop()
    settled = ingest["server"]["settled"]
    print(f"{rows:,} lines, {raw / rows:.0f} bytes each ({raw / 1e9:.2f} GB of text); {args.runs} runs each, warm;")
    print(f"{clickhouse.version}; {duckdb.version}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("\n".join(table) + "\n")
    print("| | CPU s a million lines | columns, B a line | index, B a line | index of raw text | all, B a line |")
    print("|---|---|---|---|---|---|")

    def sizes(name: str, cpu: float, columns: int, index: int) -> None:
        print(f"| {name} | {cpu:.1f} | {columns / rows:.1f} | {index / rows:.1f} | {index / raw:.0%} | "
              f"{(columns + index) / rows:.1f} |")

    sizes("Oriel, from OTLP to merged and indexed", settled["cpu_seconds_per_million"], *server.bytes())
    if plain:
        print(f"| Oriel without word indexes | {plain['cpu_seconds_per_million']:.1f} | "
              f"{plain['table_bytes_per_record']:.1f} | 0 | | {plain['table_bytes_per_record']:.1f} |")
    sizes("chdb, from Parquet to merged and indexed", inserted / rows * 1e6, *clickhouse.bytes())


if __name__ == "__main__":
    main()
