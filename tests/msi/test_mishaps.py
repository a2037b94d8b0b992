"""What goes wrong in the middle of a session, and what is left of it: nothing that was taken, and no target in vain."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eucentric.errors import InstrumentError, NoImageError, SettingsError
from eucentric.images.frame import Frame
from eucentric.microscope.protocol import Capabilities
from eucentric.msi import events, working
from eucentric.msi.application import Application, Kind, Lattice, NodeSettings
from eucentric.msi.journal import Journal
from eucentric.msi.outcome import SessionResult, Status
from tests.e2e.wrapped import Through
from tests.msi.small import SERIES, SMALL, Lost, opened, run

SQUARES = Application(
    name="Squares",
    nodes=(NodeSettings(name="Square", kind=Kind.ACQUIRE, preset="sq", targets=Lattice(columns=4, spacing_m=20e-6)),),
)
"""Four images; no preset of its own."""


def statuses(result: SessionResult) -> dict[str, Status]:
    return {outcome.key: outcome.status for outcome in result.outcomes}


class TestFullDisk:
    """Where images should go there is a file: none can be kept."""

    def test_a_series_stops_the_session_and_goes_on_when_there_is_room(self, tmp_path: Path) -> None:
        microscope = opened()
        (tmp_path / "images").touch()
        result = run(tmp_path, microscope, SERIES)
        assert "Make room" in (result.stopped or "")
        assert not result.outcomes
        (tmp_path / "images").unlink()
        result = run(tmp_path, microscope, SERIES)
        assert result.complete
        assert len(result.outcomes[0].exposures) == 3  # it was looked before anything was exposed

    def test_so_does_a_single_image(self, tmp_path: Path) -> None:
        microscope = opened()
        (tmp_path / "images").touch()
        assert "Make room" in (run(tmp_path, microscope).stopped or "")
        assert microscope._exposures == 0
        (tmp_path / "images").unlink()
        assert set(statuses(run(tmp_path, microscope, SMALL)).values()) == {Status.DONE}


class Blinded(Through):
    """From some moment on the camera gives no image."""

    blind = False

    def acquire(self) -> Frame:
        """One image, or none."""
        if self.blind:
            raise NoImageError("The camera gave no image.")
        frame: Frame = self.inner.acquire()
        return frame


class TestFailing:
    def test_of_a_series_that_is_given_up_what_was_taken_stands(self, tmp_path: Path) -> None:
        inner = opened()
        microscope = Blinded(inner)

        def watch(event: Any) -> None:
            microscope.blind = microscope.blind or isinstance(event, events.Exposed)

        result = run(tmp_path, inner, SERIES, through=microscope, observers=(watch,))
        (outcome,) = result.outcomes
        assert outcome.status is Status.FAILED
        assert "no image" in outcome.why
        assert len(outcome.exposures) == 1
        with Journal.open(tmp_path) as journal:  # what was not kept counts for focusing, by side, at once
            noted = journal.noted
        assert sum(noted.beside.values()) == pytest.approx(outcome.focus_dose_e_per_m2)
        assert outcome.focus_exposures == inner._exposures - 1

    def test_at_the_third_unit_running_it_is_the_instruments(self, tmp_path: Path) -> None:
        microscope, asked = Blinded(opened()), list[InstrumentError]()
        microscope.blind = True

        def mended(error: InstrumentError) -> bool:
            asked.append(error)
            microscope.blind = False
            return True

        result = run(tmp_path, microscope.inner, SQUARES, through=microscope, on_lost=mended)
        assert [o.status for o in result.outcomes] == [Status.INTERRUPTED] * 3 + [Status.DONE]
        assert "The camera gave no image. It may be exposed" in result.outcomes[0].why
        assert len(asked) == 1

    def test_what_nobody_foresaw_ends_its_unit_the_second_time_and_at_the_third_unit_the_session(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right, wrong_at = working._WORK[Kind.ACQUIRE], {"Square 2"}

        def wrong(shared: Any, unit: Any) -> Any:
            if unit.key in wrong_at:
                raise ZeroDivisionError("division by zero")
            return right(shared, unit)

        monkeypatch.setitem(working._WORK, Kind.ACQUIRE, wrong)
        ended = run(tmp_path / "one", opened(), SQUARES).outcomes
        assert [o.status for o in ended] == [Status.DONE, Status.FAILED, Status.DONE, Status.DONE]
        assert "ZeroDivisionError" in ended[1].why
        assert "in wrong" in (tmp_path / "one" / "journal.jsonl").read_text()  # the traceback
        wrong_at |= {"Square 1", "Square 3"}
        with pytest.raises(ZeroDivisionError):
            run(tmp_path / "two", opened(), SQUARES)

    def test_an_instrument_that_is_lost_when_the_session_is_taken_up_is_asked_about(self, tmp_path: Path) -> None:
        microscope = opened()
        lost = Lost(microscope, "move_stage", 1, times=100)
        assert not run(tmp_path, microscope, SQUARES, through=lost).complete
        microscope.set_beam_tilt((1e-3, 0.0))
        lost, asked = Lost(microscope, "set_beam_tilt", 0), list[InstrumentError]()
        assert "taken up" in (run(tmp_path, microscope, SQUARES, through=lost).stopped or "")
        lost = Lost(microscope, "set_beam_tilt", 0)

        def mended(error: InstrumentError) -> bool:
            asked.append(error)
            return True

        assert run(tmp_path, microscope, SQUARES, through=lost, on_lost=mended).complete
        assert len(asked) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_the_camera_has_is_kept_before_a_ctrl_c_stops(tmp_path: Path, number: signal.Signals) -> None:
    class Interrupted(Through):
        def acquire(self) -> Frame:
            frame: Frame = self.inner.acquire()
            signal.raise_signal(number)  # on the thread that talks to the instrument: the main one gets it
            return frame

    microscope = opened()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, microscope, SQUARES, through=Interrupted(microscope))
    assert len(list(tmp_path.rglob("*.mrc"))) == 1
    assert [o.status for o in run(tmp_path, microscope, SQUARES).outcomes] == [Status.DONE] * 4


class TestMendedByHand:
    """The operator takes astigmatism away: it stays away."""

    STIGMATOR = (0.05, -0.02)

    def test_in_a_pause(self, tmp_path: Path) -> None:
        lost = Lost(opened(), "move_stage", 1, times=2)

        def mend(_error: InstrumentError) -> bool:
            lost.inner.set_stigmator(self.STIGMATOR)
            return True

        assert run(tmp_path, lost.inner, SQUARES, through=lost, on_lost=mend).complete
        assert lost.inner.stigmator() == self.STIGMATOR

    def test_between_two_runs_but_not_what_the_session_itself_had_set(self, tmp_path: Path) -> None:
        microscope = opened()
        lost = Lost(microscope, "move_stage", 1, times=100)
        assert not run(tmp_path, microscope, SQUARES, through=lost).complete
        microscope.set_stigmator(self.STIGMATOR)
        lost = Lost(microscope, "move_stage", 1, times=100)
        assert not run(tmp_path, microscope, SQUARES, through=lost).complete
        with Journal.open(tmp_path) as journal:  # killed while it was being set to something else
            journal.stigmator((0.1, 0.1))
        microscope.set_stigmator((0.1, 0.1))
        assert run(tmp_path, microscope, SQUARES).complete
        assert microscope.stigmator() == self.STIGMATOR


@pytest.mark.parametrize(("part", "what"), [("stage_alpha", "no stage tilt"), ("image_shift", "no image shift")])
def test_what_a_series_can_not_do_without_is_said_before_anything_moves(tmp_path: Path, part: str, what: str) -> None:
    class Without(Through):
        @property
        def capabilities(self) -> Capabilities:
            return replace(self.inner.capabilities, **{part: False})

    microscope = opened()
    with pytest.raises(SettingsError, match=what):
        run(tmp_path, microscope, SERIES, through=Without(microscope))
    assert microscope._exposures == 0


def test_names_that_would_be_one_file_are_refused() -> None:
    with pytest.raises(ValueError, match="same file names"):
        Application(
            name="A", nodes=tuple(NodeSettings(name=name, kind=Kind.ACQUIRE, preset="sq") for name in ("S+1", "s_1"))
        )
