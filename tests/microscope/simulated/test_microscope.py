"""The whole simulated microscope, as anybody sees it: images, clock, calibration, and the truth behind them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from eucentric.errors import InputError, SettingsError
from eucentric.images.frame import Frame
from eucentric.microscope.handed_out import HandedOut
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.magnitudes import Magnitudes, perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope
from eucentric.microscope.simulated.truth import empty_hole_m, grid_bar_m, truth

SMALL = (256, 256)


def small(magnitudes: Magnitudes | None = None, seed: int = 1, **parts: dict[str, Any]) -> SimulatedMicroscope:
    """A microscope with 256² images; `parts` change single magnitudes."""
    changed = (magnitudes or perfect()).model_dump()
    for part, values in parts.items():
        changed[part].update(values)
    return SimulatedMicroscope(Magnitudes.model_validate(changed), seed=seed, size=SMALL)


def in_focus(**parts: dict[str, Any]) -> SimulatedMicroscope:
    """Perfect but for `parts`, at the focus preset, 1 µm underfocus, at a high dose."""
    parts["specimen"] = {"height_m": -1e-6, **parts.get("specimen", {})}
    scope = small(**parts)
    scope.set_preset("fa")
    return scope


def shift_px(first: Frame, second: Frame) -> complex:
    """Integer shift x + iy of `second` by plain correlation."""
    a, b = (np.fft.fft2(f.pixels - f.pixels.mean()) for f in (first, second))
    peak = np.unravel_index(np.fft.ifft2(np.conj(a) * b).real.argmax(), first.shape)
    y, x = (int(p) if p < n / 2 else int(p) - n for p, n in zip(peak, first.shape, strict=True))
    return complex(x, y)


def test_it_is_a_microscope() -> None:
    """It has every call of the protocol."""
    scope: Microscope = open_microscope("simulated", seed=1)
    assert isinstance(scope, Microscope)
    assert [p.name for p in scope.presets()] == ["sq", "hl", "fa", "en", "fc"]


def test_a_seed_is_a_microscope() -> None:
    """The same seed and calls give the same counts; another seed another specimen."""
    frames = []
    for seed in (1, 1, 2):
        scope = small(Magnitudes(), seed=seed)
        scope.set_preset("hl")
        scope.set_beam_tilt((1e-3, 2e-3))
        scope.move_stage(z_m=2e-6)
        frames.append([scope.acquire(), scope.acquire()])
    for first, again in zip(frames[0], frames[1], strict=True):
        assert np.array_equal(first.pixels, again.pixels)
        assert first.time_s == again.time_s
    assert not np.array_equal(frames[0][0].pixels, frames[2][0].pixels)
    # The noise of two images is independent.
    assert not np.array_equal(frames[0][0].pixels, frames[0][1].pixels)


def test_the_same_place_looks_the_same_again() -> None:
    """Away by 40 µm and back, and by a preset and back: the images agree but for their noise."""
    scope = in_focus()
    first = scope.acquire()
    scope.move_stage(x_m=20e-6, y_m=-7e-6)
    away = scope.acquire()
    scope.move_stage(x_m=0.0, y_m=0.0)
    scope.set_preset("hl")
    scope.acquire()
    scope.set_preset("fa")
    again = scope.acquire()
    likeness = np.corrcoef(first.pixels.ravel(), again.pixels.ravel())[0, 1]
    # Of the variance a part s is specimen: two images correlate by s, the dose's share is 1/45 per pixel.
    variance = first.pixels.var() / first.pixels.mean() ** 2
    dose = 8 / first.pixels.mean()
    assert likeness == pytest.approx(1 - dose / variance, abs=0.05)
    assert likeness > 0.2
    assert abs(np.corrcoef(first.pixels.ravel(), away.pixels.ravel())[0, 1]) < 0.05


def test_a_stage_move_moves_the_image() -> None:
    """The stage goes 30 pixels further along x and 17 along y: the image goes back by as much."""
    scope = in_focus()
    first = scope.acquire()
    scope.move_stage(x_m=30 * 0.3e-9, y_m=17 * 0.3e-9)
    assert shift_px(first, scope.acquire()) == complex(-30, -17)


@pytest.mark.parametrize(("preset", "tilt", "height_m"), [("hl", 4e-3, 60e-6), ("fa", 5e-3, -1e-6), ("fa", 5e-3, 2e-6)])
def test_tilted_pairs_show_the_true_defocus(preset: str, tilt: float, height_m: float) -> None:
    """±β: shift = 2(C1 β + C3 β³)/pixel along the tilt, from the images and the truth alone."""
    scope = small(specimen={"height_m": height_m})
    scope.set_preset(preset)
    pair = []
    for sign in (-1, 1):
        scope.set_beam_tilt((sign * tilt, 0.0))
        pair.append(scope.acquire())
    true = truth(scope)
    assert true.c1_m == pytest.approx(height_m)
    expected = 2 * (true.c1_m * tilt + 2.7e-3 * tilt**3) / true.pixel_m
    # The tilt's coma shears a peak taken to whole pixels by up to about two of them.
    assert abs(shift_px(*pair) - 1j * expected) <= 2.5


def test_height_and_lens_add_up() -> None:
    """C1 = C1_lens + h: stage up by 3 µm, or the lens by 3 µm, are the same overfocus."""
    scope = small(specimen={"height_m": 0.0})
    scope.set_preset("fa")
    for change in ({"z_m": 3e-6}, {}):
        if change:
            scope.move_stage(**change)
        else:
            scope.move_stage(z_m=0.0)
            scope.set_defocus(3e-6)
        assert truth(scope).c1_m == pytest.approx(3e-6)


def test_on_a_tilted_stage_height_is_that_of_the_place_on_the_axis() -> None:
    """At alpha the film under the axis is (z + H)/cos α high."""
    scope = small(specimen={"height_m": 4e-6})
    scope.set_preset("fa")
    scope.move_stage(alpha_rad=np.pi / 3)
    # The middle of an even number of pixels is half a pixel beside the axis, and the slope is tan 60°.
    beside = 0.5 * 0.3e-9 * np.tan(np.pi / 3)
    assert truth(scope).height_m == pytest.approx(8e-6, abs=1.01 * beside)
    scope.move_stage(z_m=-4e-6)
    assert truth(scope).height_m == pytest.approx(0.0, abs=1.01 * beside)


def test_drift_is_real_and_on_the_clock() -> None:
    """5 nm/s for 4 s moves the image by the integral that the truth tells."""
    scope = in_focus(stage={"drift_m_per_s": 5e-9, "drift_decay_s": 1e9})
    scope.move_stage(x_m=1e-6)
    velocity = truth(scope).drift_m_per_s
    first = scope.acquire()
    scope.wait(4.0 - (scope.now_s() - first.time_s) - 0.25)
    second = scope.acquire()
    assert second.time_s - first.time_s == pytest.approx(4.0)
    expected = -complex(velocity[1], velocity[0]) * 4.0 / 0.3e-9
    assert abs(expected) == pytest.approx(66.7, rel=0.01)
    assert abs(shift_px(first, second) - expected) < 1.5


def test_first_exposures_move_the_specimen() -> None:
    """Images of one place creep by less and less."""
    scope = in_focus(specimen={"first_motion_m": 40e-9})
    frames = [scope.acquire() for _ in range(6)]
    steps = [abs(shift_px(a, b)) for a, b in pairwise(frames)]
    assert steps[0] > 10
    assert steps[-1] < 2


def test_first_motion_by_time_needs_no_dose() -> None:
    """With a time constant it goes on while nothing is exposed: e^(−t₁/τ) − e^(−t₂/τ) of it, 0.3 of that on film."""
    scope = in_focus(specimen={"first_motion_m": 40e-9, "first_motion_s": 2.0})
    first = scope.acquire()
    scope.wait(3.0)
    second = scope.acquire()
    times = np.array([first.time_s, second.time_s]) - (first.time_s - 0.25)
    expected = 0.3 * 40e-9 * (np.exp(-times[0] / 2) - np.exp(-times[1] / 2)) / 0.3e-9
    # To the pixel that a plain correlation finds, in both directions.
    assert abs(shift_px(first, second)) == pytest.approx(expected, abs=1)


def test_empty_hole_and_grid_bar() -> None:
    """A hole without ice has dose noise alone; a bar is dark; film is between."""
    scope = in_focus()
    on_film = scope.acquire().pixels.mean()
    y, x = empty_hole_m(scope)
    scope.move_stage(x_m=x, y_m=y)
    hole = scope.acquire().pixels
    electrons = 5e20 * (0.3e-9) ** 2
    assert hole.mean() == pytest.approx(8 * electrons, rel=0.01)
    # Poisson, averaged over no neighbours: variance 64·45, within 5·√(2/65536).
    assert hole.var() == pytest.approx(64 * electrons, rel=0.03)
    y, x = grid_bar_m(scope)
    scope.move_stage(x_m=x, y_m=y)
    bar = scope.acquire().pixels.mean()
    assert bar < 0.01 * on_film < 0.01 * hole.mean()


def test_the_lit_area_moves_with_the_tilt() -> None:
    """A large pivot error takes the beam off the view, dark on one side."""
    scope = in_focus(column={"pivot_m_per_rad": 80e-6})
    assert scope.acquire().pixels.min() > 0
    scope.set_beam_tilt((0.0, 9.5e-3))
    dark = scope.acquire().pixels < 20
    assert 0.1 < dark.mean() < 0.99


def test_frames_say_how_they_were_taken() -> None:
    """State, dose, pixel size and clock of the preset."""
    scope = small(Magnitudes())
    scope.set_preset("hl")
    scope.set_defocus(1e-6)
    frame = scope.acquire()
    assert frame.shape == (256, 256)
    assert frame.pixels.dtype == np.float32
    assert (frame.state.preset, frame.state.defocus_m, frame.state.voltage_v) == ("hl", 1e-6, 200e3)
    assert (frame.pixel_m, frame.dose_e_per_m2) == (5e-9, 0.1e20)
    assert frame.time_s == pytest.approx(scope.now_s() - 0.3 - 0.25)


def test_a_perfect_calibration_is_the_truth() -> None:
    """No residuals, no errors: believed is true."""
    scope = small()
    scope.set_preset("fa")
    believed, true = handed_out(scope), truth(scope)
    assert np.array(_matrix(believed, "fa")) == pytest.approx(np.array(true.tilt_matrix))
    assert believed.coma_free_rad == pytest.approx(true.coma_free_rad)


def test_calibrations_are_off_by_what_they_say() -> None:
    """Over 60 instruments: tilt scale 1 % and rotation 0.5° (through pixel size), axis 0.3 mrad, each within 5σ."""
    scale, turn, axis = [], [], []
    for seed in range(60):
        scope = small(Magnitudes(), seed=seed, specimen={"height_m": 0.0}, column={"parfocal_m": 0.0})
        believed = handed_out(scope)
        for preset in ("hl", "fa"):
            scope.set_preset(preset)
            true = truth(scope)
            response = _complex(np.array(_matrix(believed, preset))) * true.pixel_m
            ratio = response / _complex(np.array(true.tilt_matrix)) / scope.preset().pixel_m
            scale.append(abs(ratio) - 1)
            turn.append(np.angle(ratio))
        axis.extend(np.subtract(believed.coma_free_rad, true.coma_free_rad))
    for errors, sigma in ((scale, 0.01), (turn, 8.7e-3), (axis, 0.3e-3)):
        assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(sigma, rel=5 / np.sqrt(2 * len(errors)))


def _matrix(believed: HandedOut, preset: str) -> Any:
    return next(one.tilt_matrix for one in believed.presets if one.preset == preset)


def _complex(matrix: np.ndarray) -> complex:
    return complex(matrix[0, 0], matrix[0, 1])


def test_options_are_checked() -> None:
    """Unknown names are refused with a sentence."""
    with pytest.raises(InputError, match="no microscope 'titan'"):
        open_microscope("titan")
    with pytest.raises(SettingsError, match="no option 'speed'"):
        open_microscope("simulated", speed=3)
    with pytest.raises(SettingsError, match=r"camera\.gain"):
        open_microscope("simulated", magnitudes={"camera": {"gain": 3}})
    with pytest.raises(SettingsError, match="Images of 8 pixels"):
        open_microscope("simulated", size=8)
    with pytest.raises(InputError, match="no preset 'xx'"):
        open_microscope("simulated").set_preset("xx")


def test_magnitudes_are_settable_and_listed() -> None:
    """Every magnitude has a sentence, and arrives where it is set."""
    scope = open_microscope("simulated", perfect=True, magnitudes={"specimen": {"height_m": 7e-6}})
    assert truth(scope).c1_m == pytest.approx(7e-6)
    assert all(text for _, _, text in Magnitudes().table())
    changed = {"presets": {"fa": {"dose_e_per_m2": 1e20}}, "limits": {"tilt_max_rad": 5e-3}, "camera": {"binning": 2}}
    scope = open_microscope("simulated", magnitudes=changed, size=(64, 96))
    scope.set_preset("fa")
    preset = scope.preset()
    assert (preset.dose_e_per_m2, preset.pixel_m, preset.binning, preset.size) == (1e20, 0.3e-9, 2, (64, 96))
    assert preset.magnification == pytest.approx(2 * 15e-6 / 0.3e-9)
    assert scope.limits.tilt_max_rad == 5e-3
    assert scope.acquire().shape == (64, 96)
    assert truth(open_microscope("simulated", seed=3)).height_m != truth(open_microscope("simulated", seed=4)).height_m
