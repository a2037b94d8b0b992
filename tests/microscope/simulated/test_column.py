"""The column's faults: each one alone, against its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.column import Column, Optics
from eucentric.microscope.simulated.magnitudes import ColumnMagnitudes, Magnitudes, perfect
from eucentric.microscope.simulated.modes import modes

PRESETS = tuple(mode.preset for mode in modes(Magnitudes()))


def column(seed: int = 1, **faults: Any) -> Column:
    """A perfect column but for these faults."""
    return Column(perfect().column.model_copy(update=faults), PRESETS, Clock(), seed)


def seen(built: Column) -> Optics:
    return built.optics(1e-6, 0.05e-3)


def test_perfect_column_does_what_it_is_told() -> None:
    """Tilt, defocus and stigmator arrive exactly, image axes are instrument axes."""
    built = column()
    built.set_tilt(3e-3 - 2e-3j)
    built.set_defocus(-2e-6)
    built.stigmator = 0.1j
    optics = seen(built)
    assert optics.tilt == pytest.approx(3e-3 - 2e-3j)
    assert optics.lens.c1_m == pytest.approx(-2e-6)
    assert optics.lens.a1_m == pytest.approx((0.0, 0.1e-6))
    assert optics.displacement_m == 0


def test_coma_free_axis_and_rotation_centre() -> None:
    """Tilts count from the coma-free axis; at the rotation centre a focus change does not move the image."""
    built = column(coma_free_rad=1e-3, rotation_centre_rad=1e-3)
    assert 1e-4 < abs(built.coma_free()) < 5e-3
    built.set_tilt(built.coma_free())
    assert abs(seen(built).tilt) < 1e-12
    moves = []
    for tilt in (built.coma_free(), built.drawn.rotation_centre):
        built.set_tilt(tilt)
        places = []
        for defocus in (0.0, 1e-6):
            built.set_defocus(defocus)
            optics = seen(built)
            # On the small angles here ∇W is C1 β but for C3 |β|²β, which focus does not change.
            places.append(optics.displacement_m + optics.lens.c1_m * optics.tilt)
        moves.append(abs(places[1] - places[0]))
    assert moves[0] > 1e-10
    assert moves[1] < 1e-15


def test_tilt_coils_settle() -> None:
    """After the call's wait exp(−0.25/0.04) of the step is left: 0.2 %; later nothing."""
    clock = Clock()
    built = Column(perfect().column.model_copy(update={"tilt_settling_s": 0.04}), PRESETS, clock, 1)
    clock.wait(10)
    built.set_tilt(10e-3 + 0j)
    assert seen(built).tilt == pytest.approx(10e-3 * (1 - np.exp(-0.25 / 0.04)))
    clock.wait(1.0)
    assert seen(built).tilt == pytest.approx(10e-3)


def test_tilt_coils_are_cubic() -> None:
    """0.5 % too much at 10 mrad, an eighth of that at half."""
    built = column(tilt_cubic=50.0)
    assert built.true_tilt(10e-3, 0.0) == pytest.approx(10e-3 * 1.005)
    assert built.true_tilt(5e-3j, 0.0) == pytest.approx(5e-3j * 1.00125)


def test_hysteresis_differs_from_each_side_and_grows() -> None:
    """The same setting reached from far above and far below differs by 2·h·range; small excursions leave h of them."""
    built = column(hysteresis=0.01, hysteresis_range_m=20e-6)
    arrived = []
    for start in (-300e-6, 300e-6):
        built.set_defocus(start)
        built.set_defocus(0.0)
        arrived.append(seen(built).lens.c1_m)
    assert arrived[1] - arrived[0] == pytest.approx(2 * 0.01 * 20e-6, rel=1e-3)
    small = column(hysteresis=0.01, hysteresis_range_m=20e-6)
    small.set_defocus(0.1e-6)
    # Lags behind by 1 % of a step far below the range (first order of 1 − exp).
    assert seen(small).lens.c1_m == pytest.approx(0.1e-6 * 0.99, rel=1e-3)


def test_magnification_changes_leave_a_focus_error() -> None:
    """25 nm per e-fold of the ratio, saturating over 5 e-folds: 125 nm · (1 − e^(−x/5))."""
    errors = {}
    for name in ("hl", "fa"):
        built = column(hysteresis_magnification_m=25e-9)
        built.set_preset(name)
        errors[name] = seen(built).lens.c1_m
    assert errors["hl"] == pytest.approx(125e-9 * (1 - np.exp(-np.log(8) / 5)))
    assert errors["fa"] == pytest.approx(125e-9 * (1 - np.exp(-np.log(40e-9 / 0.3e-9) / 5)))


def test_going_back_in_magnification_leaves_a_residue() -> None:
    """Round trips do not return: with s = e^(−x/5) the first leaves −125 nm · (1 − s)², and each is the same anew."""
    residues = {}
    for name in ("hl", "fa"):
        built = column(hysteresis_magnification_m=25e-9)
        built.set_preset(name)
        built.set_preset("sq")
        residues[name] = seen(built).lens.c1_m
        stays = np.exp(-np.log(40e-9 / {"hl": 5e-9, "fa": 0.3e-9}[name]) / 5)
        assert residues[name] == pytest.approx(-125e-9 * (1 - stays) ** 2)
    assert residues["fa"] < residues["hl"] < -1e-9


def test_the_same_way_through_the_presets_ends_at_the_same_focus() -> None:
    """Normal use: no draw is made; after many loops the error at a preset reached from one side has settled."""
    built, again = column(hysteresis_magnification_m=25e-9), column(hysteresis_magnification_m=25e-9)
    arrived = []
    for _ in range(12):
        for one in (built, again):
            for name in ("hl", "fa", "sq"):
                one.set_preset(name)
        assert seen(built).lens.c1_m == seen(again).lens.c1_m
        arrived.append(seen(built).lens.c1_m)
    # Each loop keeps e^(−2·4.9/5) = 14 % of what was: nothing is left of the start after twelve.
    assert arrived[-1] == pytest.approx(arrived[-2], abs=1e-15)
    assert arrived[-1] < arrived[0] < 0


def test_presets_are_not_parfocal_nor_exact() -> None:
    """Focus, rotation and pixel size of each preset are its own."""
    built = column(parfocal_m=0.5e-6, image_rotation_rad=3.0, pixel_scale=0.01)
    optics = []
    for preset in PRESETS:
        built.set_preset(preset.name)
        optics.append(seen(built))
    assert np.std([o.lens.c1_m for o in optics]) > 50e-9
    assert np.std([o.rotation_rad for o in optics]) > 0.3
    errors = [o.pixel_m / p.pixel_m - 1 for o, p in zip(optics, PRESETS, strict=True)]
    assert 0 < np.abs(errors).max() < 0.05
    # The same instrument tilt points elsewhere in each image.
    built.set_tilt(5e-3)
    assert np.angle(seen(built).tilt) == pytest.approx(np.angle(np.exp(1j * seen(built).rotation_rad)))


def test_far_from_eucentric_focus_the_optics_change() -> None:
    """100 µm away: tilt scale 1 %, rotation 1°, axis 0.3 mrad, lit area 0.5 µm (and C1·β)."""
    far = {
        name: getattr(ColumnMagnitudes(), name)
        for name in ("far_tilt_scale_per_m", "far_rotation_rad_per_m", "far_axis_rad_per_m", "far_beam_shift_per_m")
    }
    built = column(**far)
    ratio = built.coil(100e-6) / built.coil(0.0)
    assert abs(ratio) == pytest.approx(1.01)
    assert abs(np.degrees(np.angle(ratio))) == pytest.approx(1.0, rel=0.01)
    assert abs(built.coma_free(100e-6) - built.coma_free(0.0)) == pytest.approx(0.3e-3)
    built.set_defocus(100e-6)
    optics = seen(built)
    assert abs(optics.lit_centre_m - 100e-6 * optics.tilt) == pytest.approx(0.5e-6)


def test_pivot_moves_the_lit_area() -> None:
    """20 nm per mrad, in proportion to the tilt."""
    built = column(pivot_m_per_rad=20e-6)
    for tilt in (5e-3, 10e-3j):
        built.set_tilt(tilt)
        assert abs(seen(built).lit_centre_m) == pytest.approx(20e-6 * abs(tilt))


def test_defocus_steps_have_a_scale_error() -> None:
    """Drawn with 1 % rms over instruments: 200 of them, 5σ of the rms."""
    errors = []
    for seed in range(200):
        built = column(seed, focus_scale=0.01)
        built.set_defocus(1e-6)
        errors.append(seen(built).lens.c1_m / 1e-6 - 1)
    assert np.std(errors) == pytest.approx(0.01, rel=5 / np.sqrt(400))
