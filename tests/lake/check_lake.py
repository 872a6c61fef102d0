"""Reads a live Oriel store the way its users do: DuckDB attaches the catalog, Polars and pyarrow
read the Parquet files of the current snapshot.

    check_lake.py DATA_DIR [--tenant default] [--interactive]

Without --interactive: one JSON object with everything (see `report`), exit code 1 when the readers
disagree. With it: one DuckDB connection stays open, commands come on stdin, one JSON line answers
each (`{"error": …}` when it fails):

    counts                  rows of each table            times            range of each table, ns
    columns TABLE           names and DuckDB types        snapshots        id, time, changes
    at SNAPSHOT COMMAND …   the same at a snapshot        files TABLE      current data files
    readers                 Polars and pyarrow counts     sql TEXT         rows, values as text
    report                  everything                    quit
"""

import argparse
import json
import pathlib
import sys

import duckdb
import duckdb_extension_ducklake
import duckdb_extension_sqlite_scanner

TIMES = {"spans": "start_time", "logs": "timestamp", "metrics": "time", "traces": "min_start"}


def extension(package):
    folder = pathlib.Path(package.__file__).parent / "extensions"
    return next(folder.rglob("*.duckdb_extension"))


class Lake:
    """One connection with the store attached read-only."""

    def __init__(self, data_dir, tenant):
        catalog = pathlib.Path(data_dir, "catalog.sqlite").resolve()
        self.db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for package in (duckdb_extension_sqlite_scanner, duckdb_extension_ducklake):
            self.db.execute(f"LOAD '{extension(package)}'")
        self.db.execute(f"ATTACH 'ducklake:sqlite:{catalog}' AS oriel (READ_ONLY)")
        self.tenant = tenant
        self.db.execute(f'USE oriel."{tenant}"')

    def rows(self, sql):
        return self.db.execute(sql).fetchall()

    def value(self, sql):
        return self.rows(sql)[0][0]

    def counts(self, at=""):
        return {table: self.value(f"SELECT count(*) FROM {table}{at}") for table in TIMES}

    def times(self, at=""):
        """Least and greatest time in nanoseconds, by a scan: the filter keeps DuckDB from
        answering from statistics."""
        ranges = {}
        for table, time in TIMES.items():
            sql = f"SELECT epoch_ns(min({time})), epoch_ns(max({time})) FROM {table}{at}"
            ranges[table] = {
                "scanned": list(self.rows(f"{sql} WHERE hash({time}) >= 0")[0]),
                "statistics": list(self.rows(sql)[0]),
            }
        return ranges

    def columns(self, table, at=""):
        described = self.rows(f"DESCRIBE SELECT * FROM {table}{at}")
        return {name: kind for name, kind, *_ in described}

    def snapshots(self):
        rows = self.rows("FROM ducklake_snapshots('oriel') ORDER BY snapshot_id")
        return [{"id": row[0], "time": str(row[1]), "changes": row[3]} for row in rows]

    def files(self, table):
        call = f"ducklake_list_files('oriel', '{table}', schema => '{self.tenant}')"
        return [file for (file,) in self.rows(f"SELECT data_file FROM {call}")]

    def overflow(self):
        """Keys and texts out of the JSON overflow of spans."""
        return [
            {"key": key, "text": text, "type": kind}
            for key, text, kind in self.rows(
                "SELECT key, attributes->>('$.\"' || key || '\"'), json_type(attributes, '$.\"' || key || '\"')"
                " FROM (SELECT attributes, UNNEST(json_keys(attributes)) AS key FROM spans"
                "       WHERE attributes IS NOT NULL LIMIT 20)"
                " WHERE NOT contains(key, '\"') ORDER BY ALL LIMIT 5"
            )
        ]

    def events(self):
        count, names, earliest = self.rows(
            "SELECT count(*), count(DISTINCT e.name), min(epoch_ns(e.time))"
            " FROM spans, UNNEST(spans.events) AS u(e)"
        )[0]
        return {"count": count, "names": names, "earliest": earliest}

    def ids(self):
        """Lengths of trace and span ids: blobs of 16 and 8 bytes."""
        sql = "SELECT DISTINCT octet_length(trace_id), octet_length(span_id) FROM spans ORDER BY ALL"
        return [list(row) for row in self.rows(sql)]

    def readers(self):
        """Rows of the current snapshot's files by Polars and by pyarrow."""
        import polars
        import pyarrow.parquet

        counts = {"polars": {}, "pyarrow": {}}
        for table in TIMES:
            files = self.files(table)
            counts["polars"][table] = sum(
                polars.read_parquet(file).height for file in files
            )
            counts["pyarrow"][table] = sum(
                pyarrow.parquet.read_table(file).num_rows for file in files
            )
        return counts

    def report(self):
        """Everything, in one transaction: one snapshot of a store that goes on."""
        self.db.execute("BEGIN")
        try:
            report = {
                "counts": self.counts(),
                "times": self.times(),
                "columns": {table: len(self.columns(table)) for table in TIMES},
                "ids": self.ids(),
                "overflow": self.overflow(),
                "events": self.events(),
                "snapshots": self.snapshots(),
                "readers": self.readers(),
            }
        finally:
            self.db.execute("ROLLBACK")
        equal = all(counts == report["counts"] for counts in report["readers"].values())
        exact = all(r["scanned"] == r["statistics"] for r in report["times"].values())
        report["agree"] = equal and exact
        return report

    def run(self, line):
        command, _, rest = line.strip().partition(" ")
        at = ""
        if command == "at":
            snapshot, _, rest = rest.partition(" ")
            at = f" AT (VERSION => {int(snapshot)})"
            command, _, rest = rest.partition(" ")
        if command in ("counts", "times"):
            return getattr(self, command)(at)
        if command == "columns":
            return self.columns(rest, at)
        if command == "files":
            return self.files(rest)
        if command == "sql":
            return [[None if v is None else str(v) for v in row] for row in self.rows(rest)]
        if command in ("snapshots", "readers", "report"):
            return getattr(self, command)()
        raise ValueError(f"unknown command {command!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--interactive", action="store_true")
    args = parser.parse_args()
    lake = Lake(args.data_dir, args.tenant)
    if not args.interactive:
        report = lake.report()
        print(json.dumps(report, indent=1))
        sys.exit(0 if report["agree"] else 1)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        try:
            answer = lake.run(line)
        except Exception as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
