"""A session whose process is killed again and again: taken up where it was, nothing done twice, nothing lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eucentric.microscope.simulated.truth import truth
from eucentric.msi import events
from eucentric.msi.outcome import SessionResult, Status
from eucentric.msi.units import units
from tests.msi.small import DEFOCUS_M, SMALL, WITHIN_M, Killed, Killing, opened, run

KEYS = [unit.key for unit in units(SMALL)]
KEPT = ("sq", "hl", "ex")
_MOST = 60  # runs of one session: a test that needs more does not come on


class Counted:
    """Counts the images that a microscope took to be kept: those of Z Focus at `hl` go with their lens offset."""

    def __init__(self, microscope: Any) -> None:
        self.taken: Counter[tuple[str, float, float]] = Counter()
        self._acquire = microscope.acquire
        microscope.acquire = self._counted(microscope)

    def _counted(self, microscope: Any) -> Callable[[], Any]:
        def acquire() -> Any:
            at, name = microscope.stage(), microscope.preset().name
            if name in {"sq", "ex"}:
                self.taken[(name, round(at.x_m, 8), round(at.y_m, 8))] += 1
            return self._acquire()

        return acquire


def until_done(
    folder: Path, microscope: Any, through: Callable[[int], Any], **options: Any
) -> tuple[SessionResult, int]:
    """Resume until the session is over; its result, and how often it was killed. `through` the number of the run."""
    for number in range(_MOST):
        try:
            return run(folder, microscope, through=through(number), **options), number
        except Killed:
            pass
    raise AssertionError(f"killed {_MOST} times and not done")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def check_nothing_twice(folder: Path, result: SessionResult, taken: Counter[tuple[str, float, float]]) -> None:
    assert result.complete
    assert [o.key for o in result.outcomes] == KEYS
    assert Counter(line["outcome"]["key"] for line in lines(folder) if line["note"] == "done") == Counter(KEYS)
    assert set(taken.values()) <= {1}
    for outcome in result.outcomes:
        for exposure in outcome.exposures:
            assert (folder / exposure.file).is_file()
    assert not list(folder.rglob(".torn*"))


class TestKilled:
    def test_after_each_unit(self, tmp_path: Path) -> None:
        microscope = opened()
        counted = Counted(microscope)

        def kill(event: Any) -> None:
            if isinstance(event, events.UnitEnded):
                raise Killed

        result, kills = until_done(tmp_path, microscope, lambda _: microscope, observers=(kill,))
        assert kills == len(KEYS)
        assert {o.status for o in result.outcomes} == {Status.DONE}
        check_nothing_twice(tmp_path, result, counted.taken)

    @pytest.mark.parametrize(("first", "every", "after"), [(7, 97, False), (40, 61, True)])
    def test_in_the_middle_of_units(self, tmp_path: Path, first: int, every: int, after: bool) -> None:
        """Each run dies some calls after the one before did, so that every unit is killed somewhere."""
        microscope = opened()
        before = (
            microscope.preset().name,
            microscope.beam_tilt_rad(),
            microscope.stigmator(),
            microscope.stage().alpha_rad,
        )
        counted = Counted(microscope)
        wrong: list[float] = []

        def watch(event: Any) -> None:
            if isinstance(event, events.Exposed) and event.exposure.intended_m is not None:
                wrong.append(truth(microscope).c1_m - DEFOCUS_M)

        result, kills = until_done(
            tmp_path,
            microscope,
            lambda number: Killing(microscope, first + every * number if number < 8 else 10**9, after=after),
            observers=(watch,),
        )
        assert kills >= 5
        check_nothing_twice(tmp_path, result, counted.taken)
        assert {o.status for o in result.outcomes} <= {Status.DONE, Status.INTERRUPTED}
        assert max(map(abs, wrong)) < WITHIN_M
        after_all = (microscope.preset().name, microscope.beam_tilt_rad(), microscope.stigmator())
        assert (*after_all, microscope.stage().alpha_rad) == before

    @pytest.mark.parametrize("after", [False, True])
    def test_during_an_exposure(self, tmp_path: Path, after: bool) -> None:
        """The very first image is that of the square: begun, and nothing is heard of it."""
        microscope = opened()
        counted = Counted(microscope)
        with pytest.raises(Killed):
            run(tmp_path, microscope, through=Killing(microscope, 1, after=after, only="acquire"))
        result = run(tmp_path, microscope)
        assert result.outcomes[0].status is Status.INTERRUPTED
        assert {o.status for o in result.outcomes[1:]} == {Status.DONE}
        check_nothing_twice(tmp_path, result, counted.taken)

    def test_what_was_left_changed_is_put_right_and_told(self, tmp_path: Path) -> None:
        microscope = opened()
        told: list[events.PutRight] = []
        with pytest.raises(Killed):  # within a pair of Z Focus: the beam is tilted, the lens is off
            run(tmp_path, microscope, through=Killing(microscope, 2, only="set_beam_tilt", after=True))
        assert microscope.beam_tilt_rad() != (0.0, 0.0)

        def watch(event: Any) -> None:
            if isinstance(event, events.PutRight):
                told.append(event)

        result = run(tmp_path, microscope, observers=(watch,))
        assert any("Beam tilt" in event.said for event in told)
        assert microscope.beam_tilt_rad() == (0.0, 0.0)
        spent = next(o for o in result.outcomes if o.node == "Z Focus")
        assert spent.focus_exposures == sum(
            line["note"] == "spent" and line["key"] == spent.key for line in lines(tmp_path)
        )

    def test_on_a_fresh_instrument_focus_is_found_anew_before_the_images(self, tmp_path: Path) -> None:
        """Another lens comes from elsewhere: a per cent of 20 µm stays behind at most, uniform, 0.12 µm as 1 σ."""
        microscope, again = opened(), list[str]()

        def kill(event: Any) -> None:
            if isinstance(event, events.UnitEnded) and event.outcome.key.endswith("Hole 2/Focus 1"):
                raise Killed

        with pytest.raises(Killed):
            run(tmp_path, microscope, observers=(kill,))

        def watch(event: Any) -> None:
            if isinstance(event, events.UnitEnded) and event.outcome.node == "Focus":
                again.append(event.outcome.key)

        result = run(tmp_path, opened(), observers=(watch,))
        assert again == [f"Square 1/Hole {k}/Focus 1" for k in (1, 2)]
        focused = next(o for o in result.outcomes if o.key == again[0])
        assert dict(focused.activities)["focusing"] > focused.ended_s - focused.begun_s  # both times it was focused
        images = [e for o in result.outcomes for e in o.exposures if e.intended_m is not None]
        assert len(images) == 4
        # One look at a fresh place states 22 nm, of the motion of its first exposures.
        assert all(e.error_sigma_m is not None and e.error_sigma_m < 25e-9 for e in images)
