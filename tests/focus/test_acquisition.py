"""The tilts of what was taken are those that the instrument reads back."""

from __future__ import annotations

from typing import Any

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.calibration.tilt_response import true_tilt
from eucentric.errors import LimitError
from eucentric.focus.acquisition import Taking, acquire
from eucentric.focus.patterns import PatternName, pattern
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import handed_out, open_microscope

PLAN = pattern(PatternName.PAIR, 5e-3)
OFF_RAD = 20e-6  # within what the guard takes as arrived (50 µrad)


class Coarse:
    """A tilt that arrives a little beside what was asked."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def set_beam_tilt(self, tilt_rad: tuple[float, float]) -> None:
        self.inner.set_beam_tilt((tilt_rad[0], tilt_rad[1] + OFF_RAD))


def test_read_backs_are_told_and_what_arrived_is_told_as_planned() -> None:
    inner = open_microscope("simulated", seed=3)
    calibration = book_from(handed_out(inner)).of(inner.preset().name)
    exact = acquire(Guarded(inner), PLAN, calibration)
    assert exact.tilts == PLAN.tilts
    assert [f.state.tilt_rad for f in exact.frames] == list(PLAN.tilts)
    scope: Any = Coarse(inner)
    beside = acquire(Guarded(scope), PLAN, calibration)
    coma = calibration.coma_free_rad
    off = true_tilt(calibration, (coma[0], coma[1] + OFF_RAD))
    for tilt, planned in zip(beside.tilts, PLAN.tilts, strict=True):
        assert tilt == pytest.approx((planned[0] + off[0], planned[1] + off[1]), abs=1e-12)


def test_a_tilt_beyond_the_limit_moves_nothing() -> None:
    inner = open_microscope("simulated", seed=3)
    calibration = book_from(handed_out(inner)).of(inner.preset().name)
    with pytest.raises(LimitError, match="limit of 20 mrad"):
        acquire(Guarded(inner), pattern(PatternName.PAIR, 30e-3), calibration, Taking(offset_m=-1e-6))
    assert inner.defocus_m() == 0
