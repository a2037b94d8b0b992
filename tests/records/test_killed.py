"""100 writers are killed (−9), at random moments and at calls of the write path: what was confirmed is there, whole,
and no row names a file that is not.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from eucentric.records.image_files import ImageFolder
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.records.store import Store
from tests.records.made import frames, place_in

KILLS = 100
CALLS = range(1, 160, 4)
"""At which calls of the write path, from the opening to the seventh measurement; the others at random."""
MOST, LONGEST_S = 8, 0.04
"""A writer is killed after up to so many confirmed measurements, and up to so much later: about what one takes."""
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here, and no SIGKILL")


@dataclass(frozen=True)
class Moment:
    """When a writer is killed: so long after it confirmed so many measurements (0: after it began)."""

    confirmed: int
    later_s: float


class Nursery:
    """Starts writers, one after the other; `confirmed` is what they said is written."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.confirmed: set[tuple[int, int]] = set()
        self._rest = b""

    def writer(self, first: int, at: int, moment: Moment | None = None) -> None:
        """A writer that kills itself at a call, or is killed at a moment."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{first} {at}\n".encode())
        self._process.stdin.flush()
        end, child, seen = None, 0, 0
        while True:
            for words in self._lines(None if end is None else max(0.0, end - time.monotonic())):
                if words[0] == "gone":
                    return
                if words[0] == "pid":
                    child = int(words[1])
                else:
                    self.confirmed.add((int(words[0]), int(words[1])))
                    seen += 1
                if moment is not None and end is None and seen >= moment.confirmed:
                    end = time.monotonic() + moment.later_s
            if end is not None and time.monotonic() >= end:
                os.kill(child, signal.SIGKILL)
                end, moment = None, None

    def _lines(self, wait_s: float | None) -> list[list[str]]:
        stdout = self._process.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], wait_s)
        if not ready:
            return []
        told = os.read(stdout.fileno(), 65536)
        assert told, "the nursery of writers ended"
        *whole, self._rest = (self._rest + told).split(b"\n")
        return [line.decode().split() for line in whole]


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.records.killed", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def test_what_was_confirmed_is_there_after_100_kills(tmp_path: Path) -> None:
    rng = random.Random(6)
    place = place_in(tmp_path)
    with nursery(tmp_path) as writers:
        for number, at in enumerate(CALLS):
            writers.writer(1000 * number, at)
        for number in range(len(CALLS), KILLS):
            writers.writer(1000 * number, 0, Moment(rng.randrange(MOST), rng.uniform(0.0, LONGEST_S)))
        confirmed = writers.confirmed
    assert len({run // 1000 for run, _ in confirmed}) > KILLS / 2  # most of them had written
    _check(place, confirmed)


def _check(place: Place, confirmed: set[tuple[int, int]]) -> None:
    with Records.open(place) as records:
        with records._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        kept = {run.id: int(run.sequence.removeprefix("run ")) for run in records.runs()}
        rows = records.measurements()
        assert confirmed <= {(kept[row.run_id], row.number) for row in rows}
        for row in rows:  # confirmed or not: a row is whole
            told = records.frames(row.id)
            assert told.why_not is None
            assert [np.array_equal(a.pixels, b.pixels) for a, b in zip(told.frames, frames(), strict=True)] == [
                True
            ] * 2
            assert records.measurement(row.id).result is not None
        named = {image.file for run in kept for image in records.images(run)}
    Store.open(place).close()  # sweeps
    files = {str(path.relative_to(place.image_folder)) for path in place.image_folder.rglob("*.mrc")}
    assert files == named
    # At most the record in flight is lost: of each run all measurements before its last one are there.
    by_run: dict[int, list[int]] = {}
    for row in rows:
        by_run.setdefault(row.run_id, []).append(row.number)
    assert all(numbers == list(range(len(numbers))) for numbers in by_run.values())


def test_nothing_is_swept_while_another_one_writes(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    writing = Store.open(place)
    folder = ImageFolder(place.image_folder, writing._folder._key)
    folder.write([("2026-11/one/pairs/a.mrc", frames()[0])])  # on the disk, its row not yet committed
    Store.open(place).close()
    assert (place.image_folder / "2026-11/one/pairs/a.mrc").is_file()
    folder.close()
    writing.close()
    Store.open(place).close()
    assert not (place.image_folder / "2026-11/one/pairs/a.mrc").exists()
