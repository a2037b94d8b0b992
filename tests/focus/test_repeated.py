"""A step repeated at one place: nothing is corrected, everything restored, and each image adds to one exposure."""

from __future__ import annotations

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.errors import SettingsError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult, Status
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope

COARSE = FocusStep(
    name="coarse", preset="hl", tilt_rad=4e-3, correction_type=CorrectionType.STAGE_Z, offset_m=-20e-6, retries=2
)
LOOK = FocusStep(
    name="look", preset="hl", focus_method=FocusMethod.MANUAL, correction_type=CorrectionType.NONE, delta_max_m=1e-6
)


@pytest.fixture
def microscope() -> Microscope:
    return open_microscope("simulated", seed=2, size=128, perfect=True)


def _repeated(microscope: Microscope, times: int, **settings: object) -> tuple[RunResult, list[events.Event]]:
    told: list[events.Event] = []
    values = {"sequence": FocusSequence(steps=(COARSE, LOOK)), **settings}
    book = book_from(handed_out(microscope))
    assert book is not None
    focus = Focus(microscope, book, FocusSettings.model_validate(values), observers=(told.append,))
    return focus.repeat("coarse", times), told


def _state(microscope: Microscope) -> tuple[object, ...]:
    stage = microscope.stage()
    return (microscope.beam_tilt_rad(), microscope.preset().name, stage.z_m, microscope.focus_m())


def test_so_many_measurements_and_not_one_correction(microscope: Microscope) -> None:
    before = (microscope.beam_tilt_rad(), microscope.preset().name, microscope.stage().z_m, microscope.focus_m())
    result, told = _repeated(microscope, 4)
    assert before == (
        microscope.beam_tilt_rad(),
        microscope.preset().name,
        microscope.stage().z_m,
        microscope.focus_m(),
    )
    (step,) = result.steps
    assert (step.status, len(step.rounds)) == (Status.MEASURED, 4)
    assert result.measure_only
    assert sum(isinstance(e, events.Measured) for e in told) == sum(isinstance(e, events.Judged) for e in told) == 4
    assert not [e for e in told if isinstance(e, events.Corrected | events.Stigmated)]
    assert step.dose_e_per_m2 == result.dose_e_per_m2 > 0
    kept = [e.settings for e in told if isinstance(e, events.RunStarted)]
    assert kept[0] is not None
    assert kept[0].sequence.steps == (COARSE, LOOK)  # a run folder gets the whole settings


def test_the_place_is_known_to_have_been_exposed_before(microscope: Microscope) -> None:
    _, told = _repeated(microscope, 3)
    assumed = [e.how for e in told if isinstance(e, events.Assumed)]
    left = [how.uncertainty.first_motion_m for how in assumed if how is not None]
    assert left[0] > left[1] > left[2] > 0


def test_it_ends_where_the_budget_of_electrons_does(microscope: Microscope) -> None:
    images = 2 * next(p for p in microscope.presets() if p.name == "hl").dose_e_per_m2
    result, _ = _repeated(microscope, 5, dose_max_per_m2=2.5 * images)
    (step,) = result.steps
    assert len(step.rounds) == 2
    assert step.skipped is not None
    assert step.skipped.startswith("Ended after 2 of 5 repeats. Another measurement")


@pytest.mark.parametrize(
    ("name", "said"), [("fine", "no step 'fine'. It has: coarse, look"), ("look", "measures nothing that could be")]
)
def test_a_step_that_can_not_be_repeated_is_a_sentence(microscope: Microscope, name: str, said: str) -> None:
    book = book_from(handed_out(microscope))
    assert book is not None
    focus = Focus(microscope, book, FocusSettings(sequence=FocusSequence(steps=(COARSE, LOOK))))
    with pytest.raises(SettingsError, match=said):
        focus.repeat(name, 3)
