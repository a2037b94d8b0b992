"""What is asked for comes, in its order, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from eucentric.records.kept import Wanted
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.records.table import COLUMNS, row
from tests.records.made import never, place_in, run

BEGUN = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """Three runs, an hour apart: in focus, refused, and on another instrument."""
    place = place_in(tmp_path_factory.mktemp("records"))
    for number, (instrument, verdicts) in enumerate(
        [("one", (True, True)), ("one", (True, False)), ("other", (True,))]
    ):
        now = BEGUN + number * HOUR
        with Recorder(place, say=never, instrument=instrument, now=lambda now=now: now) as recorder:  # type: ignore[misc]
            for event in run(verdicts).events:
                recorder(event)
    with Records.open(place) as kept:
        yield kept


def _runs(records: Records, wanted: Wanted) -> list[int]:
    return [one.id for one in records.runs(wanted)]


def test_runs_come_with_the_newest_first(records: Records) -> None:
    assert _runs(records, Wanted()) == [3, 2, 1]
    assert [one.id for one in records.runs(limit=1)] == [3]
    assert records.run(3).begun_at == BEGUN + 2 * HOUR


def test_measurements_before_the_last_ones_are_asked_for(records: Records) -> None:
    every = records.measurements()
    assert len(every) == 5
    assert records.measurements(limit=2, skip=1) == every[2:4]
    assert records.measurements(limit=9, skip=4) == every[:1]
    assert records.measurements(skip=5) == ()


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(instrument="one"), [2, 1]),
        (Wanted(refused=True), [2]),
        (Wanted(since=BEGUN + HOUR), [3, 2]),
        (Wanted(until=BEGUN + HOUR), [1]),
        (Wanted(since=BEGUN + HOUR, until=BEGUN + 2 * HOUR), [2]),
        (Wanted(since=(BEGUN + HOUR).astimezone()), [3, 2]),
        (Wanted(session=1), []),
        (Wanted(node="Focus"), []),
        (Wanted(instrument="nobody's"), []),
    ],
)
def test_runs_are_chosen(records: Records, wanted: Wanted, ids: list[int]) -> None:
    assert _runs(records, wanted) == ids


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Wanted(), 5),
        (Wanted(refused=True), 1),
        (Wanted(accepted=True), 4),
        (Wanted(run=2), 2),
        (Wanted(run=2, accepted=True), 1),
        (Wanted(step="fine"), 5),
        (Wanted(step="coarse"), 0),
        (Wanted(instrument="other"), 1),
    ],
)
def test_measurements_are_chosen(records: Records, wanted: Wanted, count: int) -> None:
    assert len(records.measurements(wanted)) == count


def test_measurements_come_in_their_order(records: Records) -> None:
    assert [one.id for one in records.measurements()] == [1, 2, 3, 4, 5]
    assert [one.id for one in records.measurements(limit=2)] == [4, 5]  # the last ones


def test_what_runs_say_of_their_measurements(records: Records) -> None:
    assert [(one.measurements, one.refused) for one in records.runs()] == [(1, 0), (2, 1), (2, 0)]


def test_a_row_for_other_programs(records: Records) -> None:
    assert len(set(COLUMNS)) == len(COLUMNS)
    assert {"c1_m", "total_sigma_m", "drift_y_m_per_s", "a1_a_m", "stage_alpha_rad", "arrived_m"} <= set(COLUMNS)
    first, last = (dict(zip(COLUMNS, row(one), strict=True)) for one in records.measurements(Wanted(run=2)))
    assert (first["accepted"], last["accepted"]) == ("true", "false")
    assert first["taken_at"] == "2026-11-30T21:00:00.000+00:00"
    assert (first["correction"], last["correction"]) == ("Defocus", "")
    assert first["c1_m"] == records.measurements(Wanted(run=2))[0].c1_m
