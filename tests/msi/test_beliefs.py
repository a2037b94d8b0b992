"""What is known of height and focus at a place: from nothing, near and far, at other magnifications and stage tilts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration, Uncertainty
from eucentric.errors import CalibrationError, InputError
from eucentric.focus.methods.stage_tilt import FOCUS_UNKNOWN_M
from eucentric.microscope.protocol import Preset
from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import StageMagnitudes
from eucentric.microscope.simulated.stage import Place, Stage
from eucentric.msi.application import GoniometerSettings, GridSettings
from eucentric.msi.beliefs import At, Beliefs
from eucentric.msi.film import Film
from eucentric.msi.outcome import FocusFound
from eucentric.optics.column import Column

GRID = GridSettings()
FLAT = GridSettings(slope_rad=0.0, bend_m=0.0, roughness_m=0.0)
SURE_M = 50e-9
"""1σ of each eucentric focus."""
STORED_M = {"hl": -0.3e-6, "fa": 0.4e-6, "ex": 0.4e-6}


def _preset(name: str, magnification: float) -> Preset:
    return Preset(name, magnification, 60e-6 / magnification, (512, 512), 4, 0.5, 1e20)


PRESETS = {"hl": _preset("hl", 12e3), "fa": _preset("fa", 200e3), "ex": _preset("ex", 200e3)}


def _beliefs(grid: GridSettings = GRID, **changes: object) -> Beliefs:
    column = Column(voltage_v=200e3, c3_m=2.7e-3)
    of = {
        name: Calibration("a microscope", column, eucentric_focus_m=stored, eucentric_focus_sigma_m=SURE_M)
        for name, stored in STORED_M.items()
    }
    book = CalibrationBook("a microscope", {name: replace(one, **changes) for name, one in of.items()})  # type: ignore[arg-type]
    return Beliefs(grid, GoniometerSettings(), book, PRESETS)


def _found(preset: str = "fa", lens_m: float = 1e-6, **more: float) -> FocusFound:
    values = {"z_m": 0.0, "alpha_rad": 0.0, "c1_m": 0.0, "total_sigma_m": 6e-9, "own_sigma_m": 2e-9, **more}
    return FocusFound((0.0, 0.0), preset=preset, lens_m=lens_m, stated_m=0.0, **values)


HERE = At((0.0, 0.0), "fa")


def test_before_anything_is_found_the_grid_says_it() -> None:
    known = _beliefs().known((), HERE)
    assert known.height_within_m == GRID.height_within_m
    assert known.defocus_within_m == pytest.approx(GRID.height_within_m + 3 * SURE_M)


def test_without_a_stored_eucentric_focus_where_it_is_stays_unknown() -> None:
    beliefs = _beliefs(eucentric_focus_m=None, eucentric_focus_sigma_m=None)
    assert beliefs.known((), HERE).defocus_within_m == pytest.approx(GRID.height_within_m + 3 * FOCUS_UNKNOWN_M)


def test_where_focus_was_found_the_lens_tells_the_height() -> None:
    known = _beliefs(FLAT).known((_found(lens_m=1.4e-6),), HERE)
    assert known.defocus_within_m == pytest.approx(3 * 6e-9, rel=1e-6)
    # In focus 1 µm above eucentric focus: the film is a micrometre low.
    assert known.height_within_m == pytest.approx(1e-6 + 3 * math.hypot(6e-9, SURE_M, 0.01 * 1e-6), rel=1e-6)


def test_bounds_grow_with_distance_as_the_film_does() -> None:
    beliefs, found = _beliefs(), (_found(),)
    near, far = (beliefs.known(found, At((0.0, d), "fa")) for d in (1e-6, 30e-6))
    assert near.defocus_within_m < far.defocus_within_m
    assert far.defocus_within_m == pytest.approx(3 * Film(GRID, found).at((0.0, 30e-6), z_m=0.0).sigma_m, rel=1e-6)


def test_presets_of_one_magnification_are_parfocal() -> None:
    focus = _beliefs(FLAT).focus((_found("fa"),), At((0.0, 0.0), "ex"))
    assert focus.lens_m == pytest.approx(1e-6)
    assert focus.parfocal_sigma_m == 0.0


def test_between_magnifications_the_stored_eucentric_foci_tell_the_difference() -> None:
    focus = _beliefs(FLAT).focus((_found("hl", lens_m=1e-6),), HERE)
    assert focus.lens_m == pytest.approx(1e-6 + STORED_M["fa"] - STORED_M["hl"])
    assert focus.parfocal_sigma_m == pytest.approx(math.sqrt(2) * SURE_M)


def test_what_was_found_at_the_same_magnification_comes_first() -> None:
    focus = _beliefs(FLAT).focus((_found("hl", lens_m=9e-6), _found("fa", lens_m=2e-6)), HERE)
    assert focus.lens_m == pytest.approx(2e-6)


def test_an_unknown_difference_is_refused_with_the_command() -> None:
    beliefs = _beliefs(eucentric_focus_m=None)
    with pytest.raises(CalibrationError, match="eucentric calibrate eucentric-focus --preset hl"):
        beliefs.focus((_found("hl"),), HERE)
    assert beliefs.focus((_found("fa"),), HERE).parfocal_sigma_m == 0.0


def test_a_height_found_untilted_is_told_for_a_tilted_stage() -> None:
    """A film at h above the eucentric plane at α = 0 is at h/cos α above it where the optical axis meets it."""
    alpha, low_m = math.radians(45), 1e-6
    found = (_found(lens_m=STORED_M["fa"] + low_m),)
    focus = _beliefs(FLAT).focus(found, replace(HERE, alpha_rad=alpha))
    assert focus.lens_m == pytest.approx(STORED_M["fa"] + low_m * math.sqrt(2))


def _tilt_pull(seed: int, found_rad: float, asked_rad: float) -> float:
    """A film on one of the simulator's goniometers, focused at one stage tilt: the error of what is told for another
    one over its stated σ.

    On the optical axis a film that is `flat` above the tilt axis, along the holder's normal, has the height
    flat/cos α − (axis + sideways)·tan α + rise (docs/simulated-microscope.md); `plane` is the lens setting that
    focuses the eucentric plane.
    """
    stage, rng = Stage(StageMagnitudes(), Clock(), seed), np.random.default_rng((seed, 1))
    plane_m = STORED_M["fa"] + float(rng.normal()) * SURE_M

    def reached(alpha_rad: float) -> Place:
        stage.move({"alpha_rad": alpha_rad - math.radians(0.5)})
        stage.move({"alpha_rad": alpha_rad})
        return stage.place()

    at = reached(found_rad)
    first_m = float(rng.normal()) * 100e-9
    flat_m = at.eucentric_flat_m + first_m * math.cos(at.alpha_rad)
    found = _found(lens_m=plane_m - first_m, alpha_rad=found_rad, total_sigma_m=1e-9, own_sigma_m=1e-9)
    at = reached(asked_rad)
    height_m = (flat_m - at.eucentric_flat_m) / math.cos(at.alpha_rad)
    told = _beliefs(FLAT).focus((found,), replace(HERE, alpha_rad=asked_rad))
    return (told.lens_m - (plane_m - height_m)) / told.sigma_m


@pytest.mark.parametrize(("found", "asked"), [(0, 3), (0, 5), (0, 10), (0, 45), (0, 60), (45, 0), (-30, 30)])
def test_a_height_at_another_tilt_is_as_unsure_as_the_goniometer_makes_it(found: float, asked: float) -> None:
    """On 400 of the simulator's goniometers as they are by default: axis, runout, wobble, and what does not come back.

    The rms of error over stated σ is at most 1; drawn anew it scatters by 1/√(2·400), and 3 σ of that is 0.11. At least
    0.5: what lies sideways is stated for 1 µm and is 0.7, and wobble for 0.2 µm and is 0.15, which leaves 0.7 less that
    scatter. Beyond 3 σ are 0.3 % of normal errors: 1 of 400, and 3 σ of that are 5.
    """
    draws = 400
    pulls = np.array([_tilt_pull(seed, math.radians(found), math.radians(asked)) for seed in range(draws)])
    assert 0.5 <= np.sqrt(np.mean(pulls**2)) <= 1 + 3 / math.sqrt(2 * draws)
    assert (np.abs(pulls) > 3).sum() <= 5


def test_what_was_found_at_the_same_tilt_comes_first() -> None:
    alpha = math.radians(45)
    found = (_found(lens_m=1e-6), _found(lens_m=3e-6, alpha_rad=alpha))
    assert _beliefs(FLAT).focus(found, replace(HERE, alpha_rad=alpha)).lens_m == pytest.approx(3e-6)
    assert _beliefs(FLAT).focus(found, HERE).lens_m == pytest.approx(1e-6)


def test_of_tilts_on_both_sides_the_more_certain_is_taken() -> None:
    alpha = math.radians(45)
    away_m = 1e-6
    found = (
        _found(lens_m=STORED_M["fa"] + away_m, alpha_rad=alpha, total_sigma_m=9e-9),
        _found(lens_m=STORED_M["fa"] + 2 * away_m, alpha_rad=-alpha),
    )
    focus = _beliefs(FLAT).focus(found, HERE)
    assert focus.lens_m == pytest.approx(STORED_M["fa"] + 2 * away_m * math.cos(alpha))


def test_another_stage_height_moves_focus_by_the_calibration() -> None:
    beliefs = _beliefs(FLAT, height_per_z=1.02, uncertainty=Uncertainty(height_scale=0.004))
    focus = beliefs.focus((_found(lens_m=0.0),), replace(HERE, z_m=5e-6))
    assert focus.lens_m == pytest.approx(-1.02 * 5e-6)
    assert focus.shared_sigma_m == pytest.approx(math.hypot(math.sqrt(32) * 1e-9, 0.004 * 1.02 * 5e-6), rel=1e-3)


def test_nothing_found_is_no_focus() -> None:
    with pytest.raises(InputError, match="No focus was found"):
        _beliefs().focus((), HERE)
