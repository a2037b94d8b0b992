"""Shots: what is believed of a pair, what is refused, and how lens and stage are approached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibrate.contrast import same_contrast
from eucentric.calibrate.focus_here import c1_here
from eucentric.calibrate.least_squares import fit
from eucentric.calibrate.shots import Shots, approach_defocus, knows_tilt
from eucentric.errors import NotMeasuredError
from eucentric.microscope.simulated.truth import empty_hole_m, truth
from tests.calibrate.optics_scope import optics_scope, tilt_known, unknown


def test_images_without_anything_in_common_are_refused() -> None:
    scope = optics_scope(height_m=3e-6)
    shots = Shots(scope.guarded, unknown(scope))
    here = shots.take((0.0, -2e-3))
    y, x = empty_hole_m(scope.inner)
    scope.guarded.move_stage(x_m=x, y_m=y)
    there = shots.take((0.0, 2e-3))
    with pytest.raises(NotMeasuredError, match="can't be compared"):
        shots.between(here, there)
    assert shots.try_between(here, there) is None
    assert shots.images == 2
    assert shots.dose_per_m2 == pytest.approx(10e20)


def test_melting_stops_at_its_dose() -> None:
    scope = optics_scope()
    shots = Shots(scope.guarded, unknown(scope))
    shots.melt()
    assert shots.images == 4  # 20 e/Å² at 5 e/Å² each


def test_an_image_that_tells_no_dose_took_what_the_preset_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else melting never ends early, and what a calibration spends reads as nothing."""
    scope = optics_scope()
    acquire = scope.inner.acquire
    monkeypatch.setattr(scope.inner, "acquire", lambda: replace(acquire(), dose_e_per_m2=None))
    shots = Shots(scope.guarded, unknown(scope))
    shots.melt()
    assert shots.images == 4
    assert shots.dose_per_m2 == pytest.approx(4 * scope.inner.preset().dose_e_per_m2)


def test_images_at_two_defoci_are_compared_with_their_rings_reversed() -> None:
    """The lens moves nothing here: the shift is the tilt's, 3 mrad × 1.5 µm = 7.5 px along x."""
    scope = optics_scope()
    shots = Shots(scope.guarded, tilt_known(scope))
    moved = shots.between(shots.take((0.0, 3e-3), -3.5e-6), shots.take((0.0, 3e-3), -2e-6))
    assert moved.shift_px == pytest.approx((0.0, 7.5), abs=0.1)


def test_contrast_is_the_same_again_after_both_ways() -> None:
    image = np.random.default_rng(0).normal(100, 10, (64, 64)).astype(np.float32)
    optics = {"wavelength_m": 2.5e-12, "pixel_m": 0.6e-9}
    there = same_contrast(image, 2e-6, **optics)
    assert not np.allclose(there, image, atol=1.0)
    assert np.allclose(same_contrast(there, -2e-6, **optics), image, atol=1e-3)  # float32


@pytest.mark.parametrize("height_m", [2e-6, 0.0], ids=["away", "in focus"])
def test_focus_is_found_also_from_within_it(height_m: float) -> None:
    scope = optics_scope(seed=2, perfect=False, height_m=height_m)
    shots = Shots(scope.guarded, tilt_known(scope, axis=True))
    lens = scope.guarded.defocus_m()
    found = c1_here(shots)
    assert scope.guarded.defocus_m() == lens
    # Hysteresis of the way aside (1 % of 2 µm), focus scale 1 %, one pair's noise.
    assert found == pytest.approx(truth(scope.inner).c1_m, abs=0.06e-6)


def test_the_lens_arrives_the_same_way_from_either_side() -> None:
    """A loop of ±0.2 µm that saturates over 20 µm: from 100 µm below 0.7 % of it is left."""
    scope = optics_scope(column={"hysteresis": 0.01})
    arrived = []
    for start in (-30e-6, 30e-6):
        scope.guarded.set_defocus(start)
        approach_defocus(scope.guarded, 1e-6, range_m=4e-6)
        arrived.append(truth(scope.inner).lens_c1_m)
    assert arrived[0] == pytest.approx(arrived[1], abs=2 * 0.2e-6 * np.exp(-5) + 1e-12)


def test_what_nobody_measured_is_not_believed() -> None:
    scope = optics_scope()
    assert not knows_tilt(unknown(scope))
    assert knows_tilt(tilt_known(scope))


def test_least_squares_grow_with_misfit_and_never_shrink() -> None:
    """A constant through four shifts (y, x): σ = floor/√4 where they agree; with scatter s, s·√(1/(n − 1))/√n."""
    design = np.tile(np.eye(2), (4, 1))
    covariances = np.zeros((4, 2, 2))
    quiet = fit(design, np.zeros(8), covariances, floor=0.02)
    assert np.allclose(quiet.sigma, 0.01)
    loud = fit(design, np.array([1.0, 1, -1, -1, 1, 1, -1, -1]), covariances, floor=0.02)
    assert np.allclose(loud.sigma, np.sqrt(8 / 6) / 2)  # 8 residuals of 1, 6 degrees of freedom
    with pytest.raises(NotMeasuredError):
        fit(design[:1], np.zeros(1), covariances[:1])
