"""`make bench-guard`: do the hot paths still cost what was accepted?

Builds collector/examples/guard.rs, runs each stage under valgrind with one pass and with two, and takes
the difference: the instructions of one pass, start and preparation left out. Counts hardly differ
between runs and machines, unlike times. They are compared with guard.toml beside this file.

    guard.py             compare; exit code 1 when a stage costs more, or less, than the tolerance allows
    guard.py --accept    write what was counted to guard.toml, to be committed with the reason
    guard.py STAGE…      only these stages
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ACCEPTED = HERE / "guard.toml"
SIGNALS = ["traces", "logs", "metrics"]
STAGES = (
    ["inflate", "wal"]
    + [f"decode-{signal}" for signal in SIGNALS]
    + [f"flush-{signal}" for signal in SIGNALS]
    + [f"compact-{signal}" for signal in SIGNALS]
    + ["index-logs"]
)
# Percent that a count may differ without notice. Hash seeds move it by less than 0.1; the log's, which
# depends on how its threads meet, by about 1.
TOLERANCES = {"wal": 5.0}
TOLERANCE = 2.0


def build() -> Path:
    """Builds the program of the stages; refuses one that would link DataFusion."""
    command = ["cargo", "build", "--release", "--workspace", "--example", "guard"]
    plan = subprocess.run(
        ["cargo", "tree", "--offline", "-p", "oriel-collector", "-e", "normal,dev", "--prefix", "none"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout
    if "datafusion" in plan:
        sys.exit("bench-guard: the collector depends on DataFusion now; that would take an hour to build")
    subprocess.run(command, cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    return Path(target) / "release" / "examples" / "guard"


def instructions(program: Path, stage: str, passes: int) -> tuple[int, int]:
    """Instructions of a run, and the records of a pass."""
    with tempfile.TemporaryDirectory() as scratch:
        run = subprocess.run(
            ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={scratch}/out",
             str(program), stage, str(passes)],
            capture_output=True, text=True, env={"PATH": os.environ["PATH"], "TMPDIR": scratch},
        )
    if run.returncode != 0:
        sys.exit(f"bench-guard: {stage} failed:\n{run.stdout}{run.stderr}")
    found = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    if not found:
        sys.exit(f"bench-guard: valgrind counted nothing:\n{run.stderr}")
    return int(found[1].replace(",", "")), int(run.stdout)


def measure(program: Path, stage: str) -> float:
    """Instructions per record."""
    once, records = instructions(program, stage, 1)
    twice, _ = instructions(program, stage, 2)
    return (twice - once) / records


def write(counts: dict[str, float]) -> None:
    lines = [
        "# Instructions a record (`wal`: a request) of the hot paths, on tests/data/shop, by `make bench-guard`.",
        "# Changed on purpose only: `make bench-guard ACCEPT=1`, in the commit that explains why.",
        "",
        "[instructions]",
    ]
    lines += [f"{stage} = {round(counts[stage])}" for stage in STAGES if stage in counts]
    ACCEPTED.write_text("\n".join(lines) + "\n")


def main() -> None:
    accept = "--accept" in sys.argv
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    unknown = set(asked) - set(STAGES)
    if unknown:
        sys.exit(f"bench-guard: no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    program = build()
    accepted = tomllib.loads(ACCEPTED.read_text())["instructions"] if ACCEPTED.exists() else {}
    print(f"{'stage':16} {'instructions a record':>22} {'accepted':>10} {'change':>8}")
    counts, outside = dict(accepted), []
    for stage in asked or STAGES:
        counts[stage] = measure(program, stage)
        before = accepted.get(stage)
        change = f"{(counts[stage] / before - 1) * 100:+.2f} %" if before else "new"
        print(f"{stage:16} {counts[stage]:22,.0f} {before or 0:10,.0f} {change:>8}", flush=True)
        tolerance = TOLERANCES.get(stage, TOLERANCE)
        if not before or abs(counts[stage] / before - 1) * 100 > tolerance:
            outside.append(stage)
    if accept:
        write(counts)
        print(f"written to {ACCEPTED.relative_to(ROOT)}: commit it with the reason")
    elif outside:
        sys.exit(
            f"bench-guard: {', '.join(outside)}: further from what was accepted than {TOLERANCE} % "
            "(wal: 5 %). If that is meant (also when it got better), run `make bench-guard ACCEPT=1` and commit the file."
        )


if __name__ == "__main__":
    main()
