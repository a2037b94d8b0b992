"""A goniometer that moves sideways as it tilts: by construction, on the simulated microscope."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from eucentric.calibrate.plan import Presets
from eucentric.calibrate.runout import Runout, measure_runout, not_done, runout_line, why_not
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.record import Level
from tests.calibrate.stage_scope import Scope, scope_with

PRESETS = Presets()
SIGMAS = 4.0


def changed(book: CalibrationBook, preset: str, **values: Any) -> CalibrationBook:
    presets: Mapping[str, Any] = {**book.presets, preset: replace(book.presets[preset], **values)}
    return CalibrationBook(book.instrument, presets)


def measured(scope: Scope, book: CalibrationBook | None = None) -> Runout:
    with scope.guarded.preserved():
        return measure_runout(scope.guarded, book or scope.book, PRESETS)


def test_a_perfect_goniometer_moves_nowhere_and_stands_where_it_stood() -> None:
    scope = scope_with()
    before = scope.state()
    found = measured(scope)
    assert abs(found.m_per_rad) < SIGMAS * found.sigma_m_per_rad
    assert found.dose_per_m2 > 0
    assert scope.state() == before


def test_eucentric_focus_believed_too_high_looks_like_runout() -> None:
    """Stage tilts find the plane h above which the lens is thought to focus it: h by construction, dC1/dh = 1."""
    scope = scope_with()
    stored = scope.book.of("fa").eucentric_focus_m
    assert stored is not None
    found = measured(scope, changed(scope.book, "fa", eucentric_focus_m=stored + 8e-6))
    assert abs(found.m_per_rad + 8e-6) < SIGMAS * found.sigma_m_per_rad


def test_sideways_motion_is_told_to_within_its_error() -> None:
    """Its direction is drawn by the seed: what lies across the axis is not more than all of it."""
    found = measured(scope_with(seed=2000, stage={"runout_m_per_rad": 15e-6}))
    assert 3e-6 < abs(found.m_per_rad) < 15e-6 + SIGMAS * found.sigma_m_per_rad


@pytest.mark.parametrize(
    ("off", "sigma", "level"),
    [
        (1e-6, 0.2e-6, Level.GREEN),
        (-4e-6, 0.2e-6, Level.AMBER),
        (7e-6, 0.2e-6, Level.RED),
        (5e-6, 2.1e-6, Level.GREEN),  # eucentric focus known no better than stage tilts know it
        (5e-6, 4e-6, Level.AMBER),
    ],
)
def test_it_is_judged_by_what_stage_tilt_reckons_with(off: float, sigma: float, level: Level) -> None:
    assert runout_line(Runout(off, sigma, 0.0), PRESETS).level is level


def test_the_words_say_what_to_do() -> None:
    said = runout_line(Runout(-7e-6, 0.2e-6, 0.0), PRESETS).sentence
    assert "lower than it is" in said
    assert "Beam Tilt" in said
    assert "eucentric calibrate alpha --preset hl" in said


def test_where_it_cannot_be_looked_at_it_says_why() -> None:
    scope = scope_with()
    assert why_not(scope.guarded, scope.book, PRESETS) is None
    assert "calibrate alpha" in str(why_not(scope.guarded, changed(scope.book, "hl", alpha=None), PRESETS))
    missing = changed(scope.book, "fa", eucentric_focus_m=None)
    why = why_not(scope.guarded, missing, PRESETS)
    assert why is not None
    assert "eucentric-focus" in why
    assert not_done(why).value == f"not done: {why}"
    scope.inner.move_stage(alpha_rad=math.radians(20))
    assert "tilted by 20°" in str(why_not(scope.guarded, scope.book, PRESETS))
