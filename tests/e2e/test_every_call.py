"""One short step, broken at every single call of the instrument in turn, and aborted at every event: all is restored,
and told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.errors import Aborted, InstrumentError
from eucentric.focus import events
from eucentric.focus.control import Control
from eucentric.focus.focus import Focus
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep, ResetDefocus
from eucentric.microscope.registry import handed_out, open_microscope
from tests.e2e.wrapped import Counting

STEP = FocusStep(
    name="fine", preset="fa", tilt_rad=5e-3, offset_m=-0.5e-6, tolerance_m=50e-9, reset_defocus=ResetDefocus.YES
)
SETTINGS = FocusSettings(sequence=FocusSequence(steps=(STEP,)), beam_tilt_settle_time_s=0.0)
TILT_RAD = (1e-3, -0.5e-3)
SHIFT_M = (1e-7, 0.0)
LENS_M = -0.2e-6


def _open() -> Any:
    """Found as some user may have left it: nothing is at zero."""
    magnitudes = {"specimen": {"height_m": -1e-6}}
    microscope = open_microscope("simulated", seed=3, perfect=True, size=128, magnitudes=magnitudes)
    microscope.set_beam_tilt(TILT_RAD)
    microscope.set_image_shift(SHIFT_M)
    microscope.set_defocus(LENS_M)
    return microscope


def _focus(microscope: Any, told: list[events.Event], **options: Any) -> Focus:
    observers = (options.pop("observer", told.append),)
    sure = frozenset({CorrectionType.DEFOCUS})
    return Focus(
        microscope, book_from(handed_out(microscope)), SETTINGS, observers=observers, confirmed=sure, **options
    )


def _restored(microscope: Any, told: list[events.Event]) -> None:
    """Beam tilt, preset, image shift and stage as found; the lens too, or where a correction that was told left it."""
    assert microscope.beam_tilt_rad() == TILT_RAD
    assert microscope.preset().name == "sq"
    assert microscope.image_shift_m() == SHIFT_M
    assert microscope.stage().z_m == pytest.approx(0, abs=1e-9)
    corrected = [e for e in told if isinstance(e, events.Corrected)]
    if corrected:
        assert microscope.focus_m() == pytest.approx(corrected[-1].arrived_m, abs=1e-12)
    else:
        assert microscope.focus_m() == pytest.approx(LENS_M, abs=1e-12)
    if not any(isinstance(e, events.DefocusReset) for e in told):
        assert microscope.focus_m() == pytest.approx(microscope.defocus_m(), abs=1e-12)


def _fails(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_whichever_call_fails_everything_is_restored_and_told() -> None:
    whole = Counting(_open())
    told: list[events.Event] = []
    _focus(whole, told).run()
    assert any(isinstance(e, events.Corrected) for e in told)
    assert any(isinstance(e, events.DefocusReset) for e in told)
    unbroken = []
    for at in range(1, whole.calls + 1):
        microscope, told = _open(), []
        broken = Counting(microscope, at, _fails(InstrumentError("The server went away.")))
        said = ""
        try:
            _focus(broken, told).run()
            unbroken.append(at)
        except InstrumentError as error:
            said = str(error)
        _restored(microscope, told)
        if said and told:  # the first call of all fails before there is anything to tell
            assert "The server went away." in said, at
            assert isinstance(told[-1], events.Failed), at
            assert isinstance(told[-2], events.Restored), at
            assert "The server went away." in told[-1].error, at
            assert told[-1].not_restored == (), at
    # A clock that fails once is told at its last time, and what fails while restoring is tried again.
    assert len(unbroken) < whole.calls / 2


def test_aborted_at_whichever_event_everything_is_restored_and_told() -> None:
    count: list[events.Event] = []
    _focus(_open(), count).run()
    last = next(i for i, e in enumerate(count) if isinstance(e, events.Restored))
    for at in range(last):
        microscope, control = _open(), Control()
        told: list[events.Event] = []

        def stop(event: events.Event, *, told: list[events.Event] = told, control: Control = control) -> None:
            told.append(event)
            if len(told) == at + 1:  # noqa: B023 - called within this turn of the loop
                control.abort()

        with pytest.raises(Aborted):
            _focus(microscope, told, observer=stop, control=control).run()
        assert isinstance(told[-1], events.Failed), at
        assert told[-1].error.startswith("Aborted"), at
        assert isinstance(told[-2], events.Restored), at
        assert told[-2].left is not None, at
        _restored(microscope, told)
