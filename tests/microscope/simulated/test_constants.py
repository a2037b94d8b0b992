"""The truth about an instrument agrees with what its column and its stage do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.magnitudes import Magnitudes
from eucentric.microscope.simulated.truth import constants, hysteresis_width_m, truth

PRESETS = ("hl", "fa")


def faulty(seed: int = 3, **parts: dict[str, Any]) -> Any:
    """All faults but those that depend on history or on the lens' excursion."""
    magnitudes = {
        "column": {
            **{"hysteresis": 0.0, "hysteresis_magnification_m": 0.0, "tilt_settling_s": 0.0, "tilt_cubic": 0.0},
            **{"far_tilt_scale_per_m": 0.0, "far_rotation_rad_per_m": 0.0, "far_axis_rad_per_m": 0.0},
            **{"far_beam_shift_per_m": 0.0, **parts.get("column", {})},
        },
        "specimen": {"height_m": 0.0, "film_slope_rad": 0.0, "bend_m": 0.0},
        "stage": {"backlash_z_m": 0.0, "drift_height_m_per_s": 0.0, "z_scatter_m": 0.0},
    }
    return open_microscope("simulated", seed=seed, size=64, magnitudes=magnitudes)


def complex_of(vector: tuple[float, float]) -> complex:
    return complex(vector[1], vector[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_tilt_response_is_what_a_tilt_does_to_the_image(preset: str) -> None:
    """d = M·t·C1: the change with t of ∇W's change with the commanded focus, in true pixels."""
    scope = faulty()
    scope.set_preset(preset)
    known = constants(scope)

    def displaced(tilt: tuple[float, float], focus_m: float) -> complex:
        scope.set_beam_tilt(tilt)
        scope.set_defocus(focus_m)
        optics = scope.optics()
        # The part of ∇W that is linear in defocus, and what goes with the rotation centre.
        return (optics.lens.c1_m * optics.tilt + optics.displacement_m) / optics.pixel_m

    tilt, focus_m = (1e-3, -2e-3), 1e-6
    by_focus = [displaced(t, focus_m) - displaced(t, 0.0) for t in (tilt, (0.0, 0.0))]
    wanted = np.array(known.tilt_response_px_per_rad_m[preset]) @ tilt * focus_m
    assert by_focus[0] - by_focus[1] == pytest.approx(complex(wanted[1], wanted[0]))
    centre = known.rotation_centre_rad
    assert abs(displaced(centre, focus_m) - displaced(centre, 0.0)) < 1e-9 * abs(by_focus[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_pivot_and_stigmator(preset: str) -> None:
    """The lit area's middle with the lens at focus, and A1, per unit of what is set."""
    scope = faulty(column={"parfocal_m": 0.0})
    scope.set_preset(preset)
    known = constants(scope)
    before = scope.optics()
    scope.set_beam_tilt((1e-3, 3e-3))
    scope.set_stigmator((0.2, -0.1))
    after = scope.optics()
    wanted = np.array(known.pivot_m_per_rad[preset]) @ (1e-3, 3e-3)
    assert after.lit_centre_m - before.lit_centre_m == pytest.approx(complex(wanted[1], wanted[0]))
    a1 = np.array(known.a1_m[preset]) + np.array(known.stigmator_m[preset]) @ (0.2, -0.1)
    assert truth(scope).a1_m == pytest.approx(a1)
    assert before.lens.a1_m == pytest.approx(known.a1_m[preset])


@pytest.mark.parametrize("preset", PRESETS)
def test_focus_and_height(preset: str) -> None:
    """Eucentric focus is in focus at eucentric height; z moves C1 by c1_per_z commanded metres."""
    scope = faulty()
    scope.set_preset(preset)
    known = constants(scope)
    assert truth(scope).lens_c1_m == pytest.approx(known.parfocal_m[preset])
    scope.set_defocus(known.eucentric_focus_m[preset])
    assert truth(scope).c1_m == pytest.approx(0.0, abs=1e-18)
    scope.move_stage(z_m=5e-6)
    raised = truth(scope).c1_m
    scope.set_defocus(known.eucentric_focus_m[preset] + 5e-6 * known.c1_per_z)
    assert truth(scope).c1_m == pytest.approx(2 * raised)
    assert raised == pytest.approx(5e-6 * known.z_scale)


def test_backlash_and_settling() -> None:
    """From above minus from below; what of a tilt step is missing when the call returns."""
    steady = {"stage": {"z_scatter_m": 0.0, "drift_height_m_per_s": 0.0}}
    scope: Any = open_microscope("simulated", seed=3, size=64, magnitudes=steady)
    known = constants(scope)
    places = {}
    for side in (-1, 1):
        scope.move_stage(z_m=side * 5e-6, alpha_rad=side * 0.1)
        scope.move_stage(z_m=0.0, alpha_rad=0.0)
        places[side] = scope.goniometer.place()
    assert places[1].z_m - places[-1].z_m == pytest.approx(known.backlash_z_m)
    assert places[1].alpha_rad - places[-1].alpha_rad == pytest.approx(known.backlash_alpha_rad)
    scope.wait(100.0)
    before = scope.optics().tilt
    scope.set_beam_tilt((0.0, 5e-3))
    at_return = scope.optics().tilt
    scope.wait(100.0)
    after = scope.optics().tilt
    # The cubic part is not linear in the step: 0.1 % of it at 5 mrad, times what is left.
    assert abs(after - at_return) / abs(after - before) == pytest.approx(known.tilt_left_at_return, rel=5e-3)


@pytest.mark.parametrize("excursion_m", [1e-6, 20e-6, 100e-6])
def test_hysteresis_is_as_wide_as_a_cycle_leaves_it(excursion_m: float) -> None:
    """Ten cycles, by then steady (e^(−20·excursion/range) of the start is left: nothing but at 1 µm, 37 %)."""
    scope = faulty(column={"hysteresis": 0.01})
    scope.set_preset("fa")
    cycles = 10 if excursion_m > 5e-6 else 400
    for _ in range(cycles):
        found = {}
        for side in (-1, 1):
            scope.set_defocus(side * excursion_m)
            scope.set_defocus(0.0)
            found[side] = truth(scope).lens_c1_m
    assert found[1] - found[-1] == pytest.approx(hysteresis_width_m(scope, excursion_m), rel=1e-6)


def test_normalising_takes_hysteresis_away_and_leaves_the_settings() -> None:
    scope = faulty(column={"hysteresis": 0.01})
    scope.set_preset("fa")
    clean = truth(scope).lens_c1_m
    scope.set_defocus(50e-6)
    scope.set_defocus(0.0)
    assert abs(truth(scope).lens_c1_m - clean) > 0.1e-6
    scope.normalize()
    assert truth(scope).lens_c1_m == pytest.approx(clean, abs=1e-18)
    assert scope.defocus_m() == 0


def test_what_is_handed_out_is_off_by_what_it_says() -> None:
    """Over 100 instruments: tilt axis 0.5°, alpha 1 %, stigmator 2 % per component, eucentric focus 50 nm; to 5σ."""
    errors: dict[str, list[float]] = {"axis": [], "alpha": [], "stigmator": [], "focus": []}
    for seed in range(100):
        scope = open_microscope("simulated", seed=seed, size=64)
        known = constants(scope)
        for one in handed_out(scope).presets:
            assert one.stage_tilt_axis_rad is not None
            assert one.eucentric_focus_m is not None
            assert one.alpha_px_per_m is not None
            assert one.stigmator_m is not None
            turned = one.stage_tilt_axis_rad - known.stage_tilt_axis_rad[one.preset]
            errors["axis"].append(float(np.angle(np.exp(1j * turned))))
            errors["alpha"].append(np.hypot(*one.alpha_px_per_m) * known.pixel_m[one.preset] - 1)
            errors["focus"].append(one.eucentric_focus_m - known.eucentric_focus_m[one.preset])
            ratio = complex_of(one.stigmator_m[0]) / complex_of(known.stigmator_m[one.preset][0])
            errors["stigmator"].extend((ratio.real - 1, ratio.imag))
    left = Magnitudes().residual
    sigma = {
        **{"axis": left.stage_tilt_axis_rad, "alpha": left.alpha, "stigmator": left.stigmator},
        **{"focus": left.eucentric_focus_m},
    }
    for name, found in errors.items():
        assert np.sqrt(np.mean(np.square(found))) == pytest.approx(sigma[name], rel=5 / np.sqrt(2 * len(found))), name


def test_a_dead_shutter_leaves_the_cameras_own_noise() -> None:
    """Dark: read noise and the fixed part, no electrons. A perfect camera then gives zeros."""
    scope: Any = open_microscope("simulated", size=256, magnitudes={"camera": {"dead_shutter": True, "spikes": 0.0}})
    dark = scope.acquire().pixels
    assert abs(float(np.median(dark))) < 0.1
    # Read noise 3, fixed 1 count rms, but for the hot pixels.
    assert np.diff(np.percentile(dark, (15.87, 84.13)))[0] / 2 == pytest.approx(np.sqrt(10), rel=0.05)
    ideal = open_microscope("simulated", size=64, perfect=True, magnitudes={"camera": {"dead_shutter": True}})
    assert not ideal.acquire().pixels.any()


def test_stale_images_come_once_more() -> None:
    scope: Any = open_microscope("simulated", size=64, magnitudes={"camera": {"stale_images": 1.0}})
    first, second = scope.acquire(), scope.acquire()
    assert np.array_equal(first.pixels, second.pixels)
    assert not np.shares_memory(first.pixels, second.pixels)
    assert second.time_s > first.time_s
