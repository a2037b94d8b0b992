"""`python -m benchmarks [names] [--quick] [--markdown FILE]`: measure the claims and print the table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    accuracy,
    calibrated,
    capture,
    drift,
    false_locks,
    faults,
    focus_runs,
    goniometers,
    honesty,
    kills,
    msi_t,
    page,
    plans,
    speed,
    stage_tilts,
    tomography,
    tuning,
)
from benchmarks.claims import Claim, Outcome, as_markdown

Bench = Callable[..., Iterator[Claim]]

BENCHES: dict[str, Bench] = {
    "accuracy": accuracy.run,
    "honesty": honesty.run,
    "false_locks": false_locks.run,
    "capture": capture.run,
    "speed": speed.run,
    "focus_runs": focus_runs.run,
    "calibrated": calibrated.run,
    "faults": faults.run,
    "drift": drift.run,
    "stage_tilts": stage_tilts.run,
    "msi_t": msi_t.run,
    "tomography": tomography.run,
    "goniometers": goniometers.run,
    "kills": kills.run,
    "page": page.run,
    "plans": plans.run,
    "tuning": tuning.run,
}


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"what to run: {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer cases and repeats: a minute or two each")
    parser.add_argument(
        "--markdown", type=Path, help="write the table to this file, too; README.md: between its markers"
    )
    parser.add_argument("--log", action="store_true", help="print every case")
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}. Choose from: {', '.join(BENCHES)}.")
    return given


def main(words: list[str]) -> int:
    """Run what was asked; 1 when a claim was missed, else 0."""
    given = _arguments(words)
    warnings.simplefilter("ignore")
    claims: list[Claim] = []
    for name in given.names or BENCHES:
        begin = time.perf_counter()
        print(f"{name} …", file=sys.stderr, flush=True)
        for claim in BENCHES[name](quick=given.quick, log=given.log):
            claims.append(claim)
            line = f"  {claim.outcome.value or '·'}: {claim.what}: {claim.measured} (bar: {claim.bar or 'none'})"
            print(line, file=sys.stderr, flush=True)
        print(f"  {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    table = as_markdown(claims) + "\n" + _conditions(quick=given.quick)
    print(table)
    if given.markdown is not None:
        _write(given.markdown, table)
    return int(any(claim.outcome is Outcome.MISSED for claim in claims))


BEGIN, END = "<!-- measured: begin", "<!-- measured: end"


def _write(file: Path, table: str) -> None:
    """The table into a file of its own, or between the markers of one that has them (the README)."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if BEGIN in text and END in text:
        head, rest = text.split(BEGIN, 1)
        marker, _ = rest.split("\n", 1)
        tail = rest[rest.index(END) :]
        table = f"{head}{BEGIN}{marker}\n{table}{tail}"
    file.write_text(table, encoding="utf-8")


def _conditions(*, quick: bool) -> str:
    """Under which conditions the table was measured."""
    import numpy  # noqa: PLC0415
    import scipy  # noqa: PLC0415

    size = "quick: fewer cases and repeats than claimed" if quick else "full"
    return (
        f"Measured {size}; Python {platform.python_version()}, NumPy {numpy.__version__}, SciPy {scipy.__version__}, "
        f"{os.cpu_count()} cores. Seeds: benchmarks/seeds.py.\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
