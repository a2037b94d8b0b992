"""The slope of a tilted specimen, how well it is known, and what its error puts on the answer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibration.instrument import Calibration, Uncertainty
from eucentric.errors import CalibrationError
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.tilted import FLAT, slope_at, stage_tilt_slope, with_slope_error
from eucentric.focus.verdict import Reason
from eucentric.images.frame import Frame
from eucentric.optics.column import Column
from tests.correlation.waves import waves
from tests.focus.test_verdict import SHIFT, _measurement

COLUMN = Column(voltage_v=200e3, c3_m=0.0)
PIXEL_M = 0.4e-9


def test_an_error_of_the_axis_turns_the_slope_and_a_lying_film_adds_to_it() -> None:
    """At 45° tan α = 1: an axis wrong by 0.02 rad is 0.02; a film at 0.01 rad adds 0.01/cos² 45° = 0.02."""
    slope = stage_tilt_slope(math.pi / 4, 0.0, Uncertainty(stage_tilt_axis_rad=0.02, film_tilt_rad=0.01))
    assert slope.per_m == pytest.approx((1.0, 0.0))
    assert slope.sigma == pytest.approx(0.02 * math.sqrt(2))


def test_a_stage_that_is_hardly_tilted_is_flat_and_an_unknown_axis_is_an_error() -> None:
    known = Calibration("a", COLUMN, stage_tilt_axis_rad=0.3)
    assert slope_at(0.01, known) is FLAT
    assert slope_at(-0.5, known).per_m == pytest.approx((-math.tan(0.5) * math.cos(0.3), math.tan(0.5) * math.sin(0.3)))
    with pytest.raises(CalibrationError, match="eucentric calibrate alpha"):
        slope_at(0.5, Calibration("a", COLUMN))


def test_the_error_is_that_of_the_place_where_the_images_agree() -> None:
    """(30, −40) px are 50 px, 20 nm of 0.4 nm: with a slope known to 0.05, 1 nm."""
    plain = _measurement()
    shifts = (replace(SHIFT, centroid_px=(20.0, -30.0)), replace(SHIFT, centroid_px=(40.0, -50.0)))
    told = with_slope_error(plain, shifts, PIXEL_M, 0.05)
    assert told.budget[-1].source == "specimen tilt"
    assert told.budget[-1].sigma_m == pytest.approx(1e-9)
    assert told.total_sigma_m == pytest.approx(math.hypot(plain.total_sigma_m, 1e-9))
    assert sum(part.sigma_m**2 for part in told.budget) == pytest.approx(told.total_sigma_m**2)
    assert told.c1_m == plain.c1_m
    assert with_slope_error(plain, shifts, PIXEL_M, 0.0) is plain


def _stretched(slope: tuple[float, float], c1_m: float, moved_px: float = 0.0) -> tuple[Frame, Frame]:
    """±5 mrad along x of a specimen with this slope, the second image moved across the tilt."""
    rng = np.random.default_rng(2)
    scene, frames = waves(rng, count=2500), []
    for sign in (-1, 1):
        beta = np.array([0.0, sign * 5e-3])
        shift = c1_m * beta / PIXEL_M + np.array([max(sign, 0) * moved_px, 0.0])
        seen = scene.seen(np.eye(2) + np.outer(beta, slope), shift, (256, 256))
        frames.append(Frame(50 + seen + rng.standard_normal(seen.shape), pixel_m=PIXEL_M, time_s=float(sign)))
    return (frames[0], frames[1])


TILTS = ((0.0, -5e-3), (0.0, 5e-3))


def test_frames_of_a_tilted_specimen_tell_the_defocus_of_their_centre() -> None:
    slope = stage_tilt_slope(math.radians(55), 0.7, Uncertainty())
    how = How(COLUMN, slope=slope.per_m, slope_sigma=slope.sigma)
    got = measure_frames(_stretched(slope.per_m, -0.8e-6), TILTS, ((0, 1),), how)
    assert got.accepted, got.verdict.sentence
    assert abs(got.defocus_m + 0.8e-6) < 5 * got.measurement.sigma_m + 0.5e-9
    tilt = next(part for part in got.measurement.budget if part.source == "specimen tilt")
    # The scene is alike all over: its centre of gravity is known to a twentieth of the side or so.
    assert 0 < tilt.sigma_m < slope.sigma * 256 / 20 * PIXEL_M


@pytest.mark.parametrize(("limit", "accepted"), [(90.0, False), (110.0, True), (None, True)])
def test_the_fit_limit_counts_unbinned_pixels_across_the_tilt(limit: float | None, accepted: bool) -> None:
    """2.5 px across the tilt in images binned by 4 are 10 px of the camera: 100 px²."""
    sure = Uncertainty(drift_m_per_s=5e-9)  # so that χ² has nothing against it
    how = How(COLUMN, sure, fit_limit_px2=limit, binning=4)
    got = measure_frames(_stretched((0.0, 0.0), -0.8e-6, moved_px=2.5), TILTS, ((0, 1),), how)
    assert got.shift.sigma_px is not None
    assert got.shift.sigma_px[0] < 0.05
    assert got.misfit_px2 == pytest.approx(100, abs=2 * 10 * 4 * 5 * got.shift.sigma_px[0])  # d(m²) = 2m·dm, to 5 σ
    assert got.summary()["misfit_px2"] == got.misfit_px2
    assert got.accepted is accepted
    assert got.verdict.reason is (None if accepted else Reason.FIT_LIMIT)
