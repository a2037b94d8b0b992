"""Claim 5: time and memory, in ratios within one run. 2 threads.

Each timing is the best of some runs: what else the machine does can only add to it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import fft

from benchmarks.claims import Claim, judged
from benchmarks.estimators import product
from benchmarks.physics import Array
from benchmarks.seeds import Seed, stream
from benchmarks.weak_phase import Case, Pair, make_pair

PAIR_1K_MS = 25.0
FFT_RATIO = 3.0
PEAK_MB = 700.0

CASE_1K = Case(c1_m=-0.8e-6, pixel_m=0.2e-9, electrons_per_px=20, size=(1024, 1024))
CASE_4K = Case(c1_m=-1.2e-6, pixel_m=0.1e-9, electrons_per_px=20, size=(4096, 4096))


def best_of(call: Callable[[], object], times: int) -> float:
    """Shortest of `times` runs in seconds, after one to warm up."""
    call()
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begin)
    return min(spent)


def two_ffts(first: Array, second: Array) -> float:
    """Time of two plain rfft2 in float32 with 2 workers, the yardstick."""
    return best_of(lambda: (fft.rfft2(first, workers=2), fft.rfft2(second, workers=2)), 5)


def _peak_mb() -> float:
    """Peak resident memory of this process in MB. (On Linux getrusage may tell of the process that started it.)"""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _worker(folder: Path) -> dict[str, float]:
    """In a process of its own: the peak with the two images in memory and measured once."""
    first, second = (np.load(folder / f"{name}.npy") for name in ("first", "second"))
    result = product(first, second, CASE_4K)
    return {"peak_mb": _peak_mb(), "accepted": float(result.accepted)}


def peak_memory(pair: Pair) -> dict[str, float]:
    """`_worker` in a fresh interpreter."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "first.npy", pair.first)
        np.save(folder / "second.npy", pair.second)
        command = [sys.executable, "-m", "benchmarks.speed", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def time_claim(pair: Pair, times: int) -> Claim:
    """Time of one pair size: absolute at 1k, against the FFTs at 4k."""
    case = pair.case
    ours = best_of(lambda: product(pair.first, pair.second, case), times)
    yardstick = two_ffts(pair.first, pair.second)
    accepted = product(pair.first, pair.second, case).accepted
    text = f"{ours * 1e3:.0f} ms, {ours / yardstick:.2f} × two rfft2 ({yardstick * 1e3:.0f} ms)"
    note = "" if accepted else "not accepted"
    size = case.shape[0]
    if size == 1024:
        return judged(
            "5 speed", "1024² pair", f"≤ {PAIR_1K_MS:.0f} ms", text, ours * 1e3 <= PAIR_1K_MS and accepted, note
        )
    return judged(
        "5 speed",
        f"{size}² pair, arrays in memory to accepted result",
        f"≤ {FFT_RATIO:.0f} × two rfft2",
        text,
        ours <= FFT_RATIO * yardstick and accepted,
        note,
    )


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claim 5."""
    del log
    yield time_claim(make_pair(CASE_1K, stream(Seed.SPEED, 0)), 5 if quick else 20)
    large = make_pair(CASE_4K, stream(Seed.SPEED, 1))
    yield time_claim(large, 2 if quick else 5)
    peak = peak_memory(large)
    text = f"{peak['peak_mb']:.0f} MB, of the whole process with both images ({2 * 4096**2 * 4 / 2**20:.0f} MB)"
    yield judged("5 speed", "peak memory, 4096² pair", f"≤ {PEAK_MB:.0f} MB", text, peak["peak_mb"] <= PEAK_MB)


if __name__ == "__main__":
    print(json.dumps(_worker(Path(sys.argv[1]))))
