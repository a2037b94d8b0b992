"""An exception at each instrument call of each procedure in turn: the microscope is left as it was found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from eucentric.calibrate import shots
from eucentric.calibrate.alpha import AlphaPlan, measure_alpha
from eucentric.calibrate.backlash import BacklashPlan, measure_backlash
from eucentric.calibrate.coma_free import measure_coma_free
from eucentric.calibrate.eucentric_focus import EucentricFocusPlan, measure_eucentric_focus
from eucentric.calibrate.focus_scale import FocusScalePlan, measure_focus_scale
from eucentric.calibrate.height import HeightPlan, measure_height
from eucentric.calibrate.hysteresis import HysteresisPlan, measure_hysteresis
from eucentric.calibrate.parfocality import ParfocalityPlan, measure_parfocality
from eucentric.calibrate.pivot import measure_pivot
from eucentric.calibrate.rotation_centre import measure_rotation_centre
from eucentric.calibrate.settling import measure_settling
from eucentric.calibrate.stigmator import measure_stigmator
from eucentric.calibrate.tilt_response import measure_tilt_response
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.calibration.quantities import AlphaResponse
from eucentric.errors import InstrumentError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from tests.calibrate.replayed import Recording, Replaying, kept
from tests.e2e.wrapped import Counting

Procedure = Callable[[Guarded, CalibrationBook], object]

ALPHA = AlphaPlan(points=3, settle_s=1.0)
PROCEDURES: dict[str, Procedure] = {
    "height": lambda scope, book: measure_height(scope, book, HeightPlan(points=3)),
    "focus scale": lambda scope, book: measure_focus_scale(
        scope, book, FocusScalePlan(reference="Thon rings", images=1)
    ),
    "alpha": lambda scope, book: measure_alpha(scope, book, ALPHA),
    "eucentric focus": lambda scope, book: measure_eucentric_focus(scope, book, EucentricFocusPlan(alpha=ALPHA)),
    "parfocality": lambda scope, book: measure_parfocality(scope, book, ParfocalityPlan(preset="en")),
    "hysteresis": lambda scope, book: measure_hysteresis(scope, book, HysteresisPlan(cycles=1)),
    "backlash": lambda scope, book: measure_backlash(scope, book, BacklashPlan(cycles=1)),
}
OPTICS: dict[str, Procedure] = {
    "tilt response": lambda scope, book: measure_tilt_response(scope, book.of("fa")),
    "coma-free axis": lambda scope, book: measure_coma_free(scope, book.of("fa")),
    "stigmator": lambda scope, book: measure_stigmator(scope, book.of("fa")),
    "rotation centre": lambda scope, book: measure_rotation_centre(scope, book.of("fa")),
    "pivot": lambda scope, book: measure_pivot(scope, book.of("fa")),
    "settling": lambda scope, book: measure_settling(scope, book.of("fa")),
}
"""Those that measure at the present preset."""
ALL = {**PROCEDURES, **OPTICS}
STRIDE = 29
"""Every 29th call, from another one for each procedure: 29 is no divisor of the calls that an image takes, so that
every kind of call comes up. With 1 it is each call in turn (minutes)."""


def opened(preset: str) -> Microscope:
    """A microscope that is nowhere at zero."""
    magnitudes = {"specimen": {"height_m": 1e-6}}
    scope = open_microscope("simulated", seed=1, perfect=True, size=256, magnitudes=magnitudes)
    scope.set_preset(preset)
    scope.set_defocus(0.5e-6)
    scope.reset_defocus()
    scope.set_defocus(-0.7e-6)
    scope.set_beam_tilt((0.4e-3, -0.2e-3))
    scope.set_stigmator((0.004, -0.002))
    scope.move_stage(z_m=-2e-6, alpha_rad=math.radians(0.1))
    return scope


def state(scope: Microscope) -> dict[str, Any]:
    """All that a procedure has to leave as it was; numbers but for the rounding of defocus + zero."""
    stage = scope.stage()
    numbers = (
        *(*scope.beam_tilt_rad(), scope.defocus_m(), scope.focus_m(), *scope.stigmator(), *scope.image_shift_m()),
        *(stage.x_m, stage.y_m, stage.z_m, stage.alpha_rad),
    )
    return {"preset": scope.preset().name, "numbers": numbers}


def as_found(scope: Microscope, found: dict[str, Any]) -> bool:
    now = state(scope)
    return bool(
        now["preset"] == found["preset"] and now["numbers"] == pytest.approx(found["numbers"], rel=0, abs=1e-15)
    )


def book_of(scope: Microscope) -> CalibrationBook:
    """What it hands out, with the response to stage tilt of `hl` (tilt axis along x, 5 nm pixels)."""
    book = book_from(handed_out(scope))
    alpha = AlphaResponse(
        px_per_m=(-2e8, 0.0),
        px_per_m_sigma=1e6,
        eucentric_z_m=0.0,
        eucentric_z_sigma_m=1e-6,
        axis_rad=0.0,
        axis_sigma_rad=0.005,
    )
    presets = {**book.presets, "hl": dataclasses.replace(book.of("hl"), alpha=alpha)}
    return dataclasses.replace(book, presets=presets)


@pytest.mark.parametrize("name", list(ALL))
def test_an_exception_at_a_call_leaves_the_microscope_as_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = "fa" if name in OPTICS else "sq"
    monkeypatch.setattr(shots, "register", kept(shots.register))
    recording: Any = Recording(opened(preset))
    counting: Any = Counting(recording)
    book, found = book_of(recording.inner), state(recording.inner)
    ALL[name](Guarded(counting), book)
    assert as_found(recording.inner, found)

    def fail() -> None:
        raise InstrumentError("The wire fell out.")

    first = 1 + list(ALL).index(name)
    for call in range(first, counting.calls + 1, STRIDE):
        inner = opened(preset)
        broken: Any = Counting(Replaying(inner, recording.film), call, fail)
        try:
            ALL[name](Guarded(broken), book)
        except InstrumentError as error:
            assert "wire" in str(error), counting.names[call - 1]  # noqa: PT017 - restoring may mend it without one
        assert as_found(inner, found), f"call {call}, {counting.names[call - 1]}"
