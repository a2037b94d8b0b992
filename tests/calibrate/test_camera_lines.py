"""Images by construction: what was put in comes out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.calibrate.camera_lines import dose_line, fixed_pattern, illumination_line, pattern_line, shutter_line
from eucentric.calibration.record import Level
from eucentric.images.frame import Frame

SIZE = 256
MEAN = 400.0
Array = NDArray[np.float64]


def noise(seed: int) -> Array:
    """One unit of white noise."""
    return np.random.default_rng(seed).normal(size=(SIZE, SIZE))


def frame(pixels: Array) -> Frame:
    return Frame(pixels.astype(np.float32), pixel_m=0.3e-9, dose_e_per_m2=5e20)


@pytest.mark.parametrize("size", [0.0, 0.01, 0.035])
def test_the_pattern_is_what_both_images_share(size: float) -> None:
    pattern = 1 + size * noise(1)
    one, two = (frame(MEAN * pattern * (1 + 0.1 * noise(seed))) for seed in (2, 3))
    found, sigma = fixed_pattern(one, two)
    # 10 % of noise in each of 256² pixels: ± 0.1²/256 = 4e-5 of size², that is 0.6 % where there is nothing.
    assert found**2 == pytest.approx(size**2, abs=3 * 4e-5 + 0.02 * size**2)
    assert sigma > 0
    assert pattern_line(one, two).level is (Level.GREEN if size < 0.02 else Level.RED if size > 0.034 else Level.AMBER)


def test_a_dead_shutter_is_told() -> None:
    assert shutter_line(frame(3.0 * noise(1))).level is Level.RED
    assert shutter_line(frame(np.full((SIZE, SIZE), 7.0))).level is Level.RED
    assert "shutter" in shutter_line(frame(3.0 * noise(1))).sentence
    assert shutter_line(frame(MEAN + 20.0 * noise(1))).level is Level.GREEN


def test_light_that_leaves_when_the_beam_tilts_is_told() -> None:
    even = frame(MEAN + 20.0 * noise(1))
    half = np.where(np.arange(SIZE)[None, :] < SIZE // 3, 0.0, MEAN) + 20.0 * noise(2)
    assert illumination_line((even, even)).level is Level.GREEN
    line = illumination_line((even, frame(half)))
    assert line.level is not Level.GREEN
    assert "pivot" in line.sentence


def test_a_gradient_is_measured() -> None:
    ramp = MEAN * (1 + 0.5 * np.linspace(-0.5, 0.5, SIZE))[None, :] * np.ones((SIZE, 1))
    line = illumination_line((frame(ramp + noise(1)),))
    assert line.number == pytest.approx(0.5, abs=0.01)  # 1 count of noise in 400, and the ramp's own ends
    assert line.level is Level.AMBER


def test_dose_in_electrons() -> None:
    """5 e/Å² on pixels of 3 Å are 45 electrons."""
    line = dose_line(frame(noise(1)))
    assert line.value == "5 e/Å² an image, 45 e per pixel"
    assert line.level is Level.GREEN
    poor = Frame(noise(1), pixel_m=0.3e-9, dose_e_per_m2=0.1e20)
    assert dose_line(poor).level is Level.RED
    assert dose_line(Frame(noise(1))).level is Level.AMBER
