"""Eucentric focus, parfocality, lens hysteresis and stage backlash on the simulated microscope, one fault at a time."""

from __future__ import annotations

import dataclasses
import math

import pytest

from eucentric.calibrate.backlash import BacklashPlan, measure_backlash
from eucentric.calibrate.eucentric_focus import EucentricFocusPlan, measure_eucentric_focus, set_eucentric_focus
from eucentric.calibrate.hysteresis import HysteresisPlan, measure_hysteresis
from eucentric.calibrate.parfocality import ParfocalityPlan, measure_parfocality
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import (
    AlphaResponse,
    EucentricFocus,
    LensHysteresis,
    Parfocality,
    StageBacklash,
)
from eucentric.errors import CalibrationError, InputError, LimitError
from eucentric.microscope.simulated.truth import constants, hysteresis_width_m, truth
from tests.calibrate.stage_scope import Scope, scope_with

READ_M = 5e-9
"""What the difference of two readings may be off: 0.03 px of 0.3 nm over 10 mrad, 4 σ, √2 for the two."""


def with_alpha(scope: Scope) -> CalibrationBook:
    """The book with the true response to stage tilt at `hl`."""
    y, x = constants(scope.inner).alpha_px_per_m["hl"]
    alpha = AlphaResponse(
        px_per_m=(y, x),
        px_per_m_sigma=0.003 * math.hypot(y, x),
        eucentric_z_m=0.0,
        eucentric_z_sigma_m=1e-6,
        axis_rad=math.atan2(x, -y),
        axis_sigma_rad=3e-3,
    )
    presets = {**scope.book.presets, "hl": dataclasses.replace(scope.book.of("hl"), alpha=alpha)}
    return dataclasses.replace(scope.book, presets=presets)


def test_hysteresis_is_the_width_of_the_loop() -> None:
    scope = scope_with(column={"hysteresis": 0.01})
    before = scope.state()
    outcome = measure_hysteresis(scope.guarded, scope.book, HysteresisPlan(cycles=1))
    assert isinstance(outcome.quantity, LensHysteresis)
    true = hysteresis_width_m(scope.inner, 20e-6)
    # One cycle of ±20 µm, each over one range of the loop: what was before is left by e⁻⁴ (2 %).
    assert outcome.quantity.width_m == pytest.approx(true, abs=READ_M + 0.02 * true)
    assert "Approach focus from one side" in outcome.sentence
    assert scope.state() == before


def test_without_hysteresis_no_approach_is_asked_for() -> None:
    scope = scope_with()
    outcome = measure_hysteresis(scope.guarded, scope.book, HysteresisPlan(cycles=1))
    assert isinstance(outcome.quantity, LensHysteresis)
    assert outcome.quantity.width_m == pytest.approx(0.0, abs=READ_M)
    assert "No approach is needed" in outcome.sentence


def test_backlash_of_z_and_alpha() -> None:
    scope = scope_with(size=384, stage={"backlash_z_m": 0.4e-6, "backlash_alpha_rad": 2e-3, "runout_m_per_rad": 3e-6})
    before, true = scope.state(), constants(scope.inner)
    outcome = measure_backlash(scope.guarded, with_alpha(scope), BacklashPlan(cycles=1, settle_s=1.0))
    found = outcome.quantity
    assert isinstance(found, StageBacklash)
    assert found.z_m == pytest.approx(true.backlash_z_m, abs=READ_M)
    assert found.alpha_rad is not None
    assert found.alpha_sigma_rad is not None
    # 5 nm of arrival over a lever of 120 µm: 6e-5 rad; the runout of 3 µm/rad is the same at both Z.
    assert found.alpha_rad == pytest.approx(true.backlash_alpha_rad, abs=4 * found.alpha_sigma_rad)
    assert found.alpha_sigma_rad < 2e-4
    assert scope.state() == before


def test_backlash_of_alpha_is_none_where_its_response_is_not_known() -> None:
    scope = scope_with(stage={"backlash_z_m": 0.4e-6})
    presets = {**scope.book.presets, "hl": dataclasses.replace(scope.book.of("hl"), alpha=None)}
    book = dataclasses.replace(scope.book, presets=presets)
    outcome = measure_backlash(scope.guarded, book, BacklashPlan(cycles=1, settle_s=1.0))
    assert isinstance(outcome.quantity, StageBacklash)
    assert outcome.quantity.alpha_rad is None
    assert "eucentric calibrate alpha --preset hl" in outcome.sentence


def test_parfocality_does_not_depend_on_the_way_of_the_magnification() -> None:
    """Magnification hysteresis ten times its default: the lens' own approach makes it forget."""
    scope = scope_with(column={"parfocal_m": 0.8e-6, "hysteresis_magnification_m": 250e-9})
    before, true = scope.state(), constants(scope.inner)
    outcome = measure_parfocality(scope.guarded, scope.book, ParfocalityPlan(preset="en"))
    found = outcome.quantity
    assert isinstance(found, Parfocality)
    # e^(−100 µm/20 µm) = 0.7 % of a remanence of 1.25 µm, in both alike to within the two presets' difference.
    expected = true.parfocal_m["en"] - true.parfocal_m["fa"]
    assert found.difference_m == pytest.approx(expected, abs=READ_M + 10e-9)
    assert found.difference_sigma_m >= 25e-9 * math.log(2)  # `en` magnifies twice as much as `fa`
    assert scope.state() == before


def test_parfocality_wants_two_presets_that_a_beam_tilt_can_tell() -> None:
    scope = scope_with()
    with pytest.raises(InputError, match="own reference"):
        measure_parfocality(scope.guarded, scope.book, ParfocalityPlan(preset="fa"))
    with pytest.raises(CalibrationError, match="40 nm"):
        measure_parfocality(scope.guarded, scope.book, ParfocalityPlan(preset="sq"))


def test_eucentric_focus_at_a_declared_z() -> None:
    scope = scope_with(specimen={"height_m": 8e-6}, column={"parfocal_m": 0.8e-6, "focus_scale": 0.02})
    before = scope.state()
    plan = EucentricFocusPlan(eucentric_z_m=-8e-6, eucentric_z_sigma_m=10e-9, hysteresis_m=0.0, settle_s=1.0)
    outcome = measure_eucentric_focus(scope.guarded, scope.book, plan)
    assert isinstance(outcome.quantity, EucentricFocus)
    true = constants(scope.inner).eucentric_focus_m["fa"]
    assert outcome.quantity.focus_m == pytest.approx(true, abs=READ_M + 5e-9)
    assert scope.state() == before


def test_eucentric_focus_where_stage_tilts_find_the_height() -> None:
    """The lens' zero is elsewhere: what is stored is the absolute setting all the same."""
    scope = scope_with(size=384, specimen={"height_m": 30e-6}, column={"parfocal_m": 0.8e-6})
    scope.guarded.set_defocus(3e-6)
    scope.guarded.reset_defocus()
    before = scope.state()
    outcome = measure_eucentric_focus(scope.guarded, with_alpha(scope), EucentricFocusPlan(settle_s=1.0))
    assert isinstance(outcome.quantity, EucentricFocus)
    true = constants(scope.inner).eucentric_focus_m["fa"]
    # The swings tell Z to 5 nm ÷ 2 tan(1°) = 0.14 µm, and the slope's 0.3 % of a lever of 15 µm: 3 of both.
    assert outcome.quantity.focus_m == pytest.approx(true, abs=0.6e-6)
    assert outcome.quantity.focus_sigma_m > 2e-6
    assert scope.state() == before


def test_to_the_scope() -> None:
    scope = scope_with()
    presets = {**scope.book.presets, "fa": dataclasses.replace(scope.book.of("fa"), eucentric_focus_m=4e-6)}
    book = dataclasses.replace(scope.book, presets=presets)
    scope.guarded.set_preset("fa")
    scope.guarded.set_defocus(1e-6)
    scope.guarded.reset_defocus()
    assert set_eucentric_focus(scope.guarded, book) == pytest.approx(3e-6)
    assert scope.inner.focus_m() == pytest.approx(4e-6)
    assert truth(scope.inner).lens_c1_m == pytest.approx(4e-6)


def test_to_the_scope_beyond_the_limit_or_unknown_moves_nothing() -> None:
    scope = scope_with(limits={"defocus_max_m": 50e-6})
    scope.guarded.set_preset("fa")
    book = scope.book
    for focus, error in ((60e-6, LimitError), (None, CalibrationError)):
        known = dataclasses.replace(book.of("fa"), eucentric_focus_m=focus)
        with pytest.raises(error):
            set_eucentric_focus(scope.guarded, dataclasses.replace(book, presets={"fa": known}))
        assert scope.inner.focus_m() == 0.0
    known = dataclasses.replace(book.of("hl"), eucentric_focus_m=0.0)
    with pytest.raises(CalibrationError, match="Go to 'hl' first"):
        set_eucentric_focus(scope.guarded, dataclasses.replace(book, presets={"hl": known}), "hl")
