"""The loop on the simulated microscope: it focuses, refuses what it must, and leaves all as it was when it breaks."""

from __future__ import annotations

from typing import Any

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.errors import InstrumentError
from eucentric.focus import events
from eucentric.focus.outcome import RunResult, Status
from eucentric.focus.sequence import run_sequence
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusStep, default_sequence
from eucentric.focus.verdict import Reason
from eucentric.microscope.protocol import Microscope, StagePosition
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import empty_hole_m, truth
from tests.e2e.wrapped import Through

COARSE = default_sequence().steps[0]
ONE_STEP = FocusSequence(steps=(COARSE,))


class Failing(Through):
    """Raises once, at the n-th call of a method."""

    def __init__(self, inner: Microscope, method: str, at: int, error: BaseException) -> None:
        super().__init__(inner)
        self._method, self._left, self._error = method, at, error

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name != self._method:
            return found

        def counted(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                raise self._error
            return found(*arguments, **options)

        return counted


class UpsideDown(Through):
    """A stage whose z was wired the wrong way round."""

    def stage(self) -> StagePosition:
        at = self.inner.stage()
        return StagePosition(at.x_m, at.y_m, -at.z_m, at.alpha_rad)

    def move_stage(self, *, z_m: float) -> None:
        self.inner.move_stage(z_m=-z_m)


def _run(microscope: Any, sequence: FocusSequence = ONE_STEP, **options: Any) -> tuple[RunResult, list[events.Event]]:
    told: list[events.Event] = []
    book = book_from(handed_out(microscope))
    return run_sequence(sequence, microscope, book, observers=(told.append,), **options), told


def test_the_default_microscope_is_focused_from_afar() -> None:
    microscope = open_microscope("simulated", seed=1)
    true_at_end: list[float] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepEnded):
            true_at_end.append(truth(microscope).c1_m)

    result = run_sequence(default_sequence(), microscope, book_from(handed_out(microscope)), observers=(watch,))
    assert result.focused, result.statement
    assert result.stated_error_m is not None
    assert abs(true_at_end[-1]) < result.stated_error_m <= 100e-9
    assert result.confirmed == {CorrectionType.STAGE_Z, CorrectionType.DEFOCUS}
    assert microscope.preset().name == "sq"
    assert microscope.beam_tilt_rad() == (0.0, 0.0)


def test_measuring_only_moves_nothing() -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    microscope.set_defocus(-3e-6)
    before = (microscope.stage(), microscope.preset(), microscope.defocus_m(), microscope.beam_tilt_rad())
    result, told = _run(microscope, measure_only=True)
    assert result.steps[0].status is Status.MEASURED
    assert (microscope.stage(), microscope.preset(), microscope.defocus_m(), microscope.beam_tilt_rad()) == before
    assert not any(isinstance(e, events.Corrected) for e in told)
    assert result.statement.startswith("Measured, nothing corrected")


def test_an_empty_hole_is_refused_and_nothing_is_corrected() -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    y, x = empty_hole_m(microscope)
    microscope.move_stage(x_m=x, y_m=y)
    fine = default_sequence().steps[1]
    result, told = _run(microscope, FocusSequence(steps=(fine,)))
    assert result.steps[0].status is Status.REFUSED
    assert result.refusal is not None
    assert result.refusal.reason in {Reason.FALSE_LOCK, Reason.FIXED_PATTERN, Reason.CONTRAST_LOST}
    assert microscope.defocus_m() == 0
    assert not any(isinstance(e, events.Corrected) for e in told)
    assert "Nothing was corrected" in result.statement


def test_a_stage_that_moves_the_wrong_way_is_found_by_the_probe_and_put_back() -> None:
    microscope = UpsideDown(open_microscope("simulated", seed=3, size=512))
    result, told = _run(microscope)
    made = [e.correction for e in told if isinstance(e, events.Corrected)]
    assert [c.probe for c in made] == [True]
    assert result.refusal is not None
    assert result.refusal.reason is Reason.WRONG_SIGN
    assert microscope.stage().z_m == pytest.approx(0, abs=1e-9)
    assert CorrectionType.STAGE_Z not in result.confirmed
    assert result.steps[0].corrected_m == 0
    assert sum(isinstance(e, events.TakenBack) for e in told) == 1
    assert result.statement.endswith("The probe was taken back. Nothing was corrected.")


def test_limits_are_tested_before_anything_moves() -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    near = FocusStep.model_validate(COARSE.model_dump() | {"delta_max_m": 5e-6})
    result, told = _run(microscope, FocusSequence(steps=(near,)))
    assert result.refusal is not None
    assert result.refusal.reason is Reason.BEYOND_RANGE
    assert microscope.stage().z_m == 0
    assert not any(isinstance(e, events.Corrected) for e in told)


@pytest.mark.parametrize("error", [InstrumentError("The server went away."), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("method", "at"),
    [("set_preset", 1), ("set_defocus", 1), ("set_beam_tilt", 2), ("acquire", 2), ("move_stage", 1), ("wait", 1)],
)
def test_whatever_breaks_everything_is_restored(method: str, at: int, error: BaseException) -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    microscope.set_defocus(-3e-6)
    microscope.set_beam_tilt((1e-3, -0.5e-3))
    told: list[events.Event] = []
    broken: Any = Failing(microscope, method, at, error)
    with pytest.raises(type(error)):
        run_sequence(ONE_STEP, broken, book_from(handed_out(microscope)), observers=(told.append,))
    assert microscope.beam_tilt_rad() == (1e-3, -0.5e-3)
    assert microscope.preset().name == "sq"
    assert microscope.defocus_m() == -3e-6
    assert microscope.stage().z_m == pytest.approx(0, abs=1e-9)
    assert isinstance(told[-1], events.Failed)
    assert told[-1].not_restored == ()
    if isinstance(error, KeyboardInterrupt):
        assert told[-1].error == "Stopped. Beam tilt and preset restored."


class Gone(Through):
    """A server that stops answering at the second exposure: every call fails from then on."""

    left = 2

    def __getattr__(self, name: str) -> Any:
        if name == "acquire":
            self.left -= 1
        if self.left <= 0 and name in {"acquire", "set_beam_tilt", "beam_tilt_rad", "set_preset", "now_s", "preset"}:
            raise InstrumentError("The server went away.")
        return getattr(self.inner, name)


def test_what_broke_the_run_is_told_with_what_could_not_be_restored() -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    told: list[events.Event] = []
    broken: Any = Gone(microscope)
    with pytest.raises(InstrumentError, match=r"^The server went away\."):
        run_sequence(ONE_STEP, broken, book_from(handed_out(microscope)), observers=(told.append,))
    failed = told[-1]
    assert isinstance(failed, events.Failed)
    assert failed.error == "The server went away."
    assert [words.split(" could")[0] for words in failed.not_restored] == ["The preset", "The beam tilt"]


def test_a_stop_says_what_stays_corrected() -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    told: list[events.Event] = []

    def stop(event: events.Event) -> None:
        told.append(event)
        if isinstance(event, events.Corrected) and not event.correction.probe:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sequence(ONE_STEP, microscope, book_from(handed_out(microscope)), observers=(stop,))
    assert isinstance(told[-1], events.Failed)
    assert "Beam tilt and preset restored." in told[-1].error
    assert "Stage z stays at" in told[-1].error
    assert "Defocus stays" not in told[-1].error


def test_one_who_watches_and_fails_does_not_stop_the_run() -> None:
    told: list[events.Event] = []
    microscope = open_microscope("simulated", seed=3, size=512)

    def fails(event: events.Event) -> None:
        if isinstance(event, events.FrameTaken):
            raise OSError("No space left on device")

    book = book_from(handed_out(microscope))
    result = run_sequence(ONE_STEP, microscope, book, observers=(fails, told.append), measure_only=True)
    assert result.steps[0].status is Status.MEASURED
    assert [e.error for e in told if isinstance(e, events.ObserverFailed)] == ["No space left on device"]


def test_measuring_only_spends_nothing_on_a_step_that_cant_reach() -> None:
    fine = default_sequence().steps[1].model_copy(update={"delta_max_m": 1e-6})
    result, told = _run(
        open_microscope("simulated", seed=3, size=512), FocusSequence(steps=(COARSE, fine)), measure_only=True
    )
    assert [s.status for s in result.steps] == [Status.MEASURED, Status.SKIPPED]
    assert {e.step for e in told if isinstance(e, events.FrameTaken)} == {"coarse"}
    assert "'fine' was skipped" in result.statement


def test_a_channel_that_was_confirmed_is_not_probed_again() -> None:
    microscope = open_microscope("simulated", seed=3, size=512)
    _, told = _run(microscope, confirmed=frozenset({CorrectionType.STAGE_Z}))
    made = [e.correction for e in told if isinstance(e, events.Corrected)]
    assert made
    assert not any(c.probe for c in made)
