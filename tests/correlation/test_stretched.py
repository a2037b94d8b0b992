"""Pairs of a tilted specimen: each image stretched by its exact affine map, as the lens' formula has it, and noise of
its own. C1 at the image's middle comes back at any stage tilt."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Method, Shift
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from tests.correlation.test_real_images import MICROGRAPHS, pixels
from tests.correlation.waves import waves

SHAPE = (256, 272)
PIXEL_M = 0.6e-9
COLUMN = Column(voltage_v=200e3, c3_m=0.0)  # no coma: a scene that is merely displaced is then the exact model
AXIS_RAD = 0.4  # of the stage's tilt axis in the image, from +x towards +y
SYMMETRIC = ((-4e-3, -3e-3), (4e-3, 3e-3))
ONE_SIDED = ((0.0, 0.0), (8e-3, 6e-3))
SIGMAS = 4.5  # of 40 Gaussian errors beyond this: 3e-4

Tilts = tuple[tuple[float, float], tuple[float, float]]


def slope(alpha_deg: float) -> tuple[float, float]:
    """tan α a quarter turn further on than the axis: written out, not by the code that is tested."""
    growth = math.tan(math.radians(alpha_deg))
    return (growth * math.sin(AXIS_RAD + math.pi / 2), growth * math.cos(AXIS_RAD + math.pi / 2))


def optics(tilts: Tilts, alpha_deg: float) -> PairOptics:
    return PairOptics(PIXEL_M, COLUMN, *tilts, slope=slope(alpha_deg))


def maps(pair: PairOptics, c1_m: float) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """A = I + β⊗slope and d = C1·β/pixel of each image."""
    betas = [np.array(tilt) for tilt in (pair.first_tilt, pair.second_tilt)]
    return [(np.eye(2) + np.outer(b, pair.slope), c1_m * b / pair.pixel_m) for b in betas]


def images(seed: int, pair: PairOptics, c1_m: float, *, noise: float = 1.0) -> list[NDArray[np.float64]]:
    """Both images: a scene of rms one, white noise of rms `noise`."""
    rng = np.random.default_rng(seed)
    scene = waves(rng)
    return [50 + scene.seen(*one, SHAPE) + noise * rng.standard_normal(SHAPE) for one in maps(pair, c1_m)]


def pull(found: Shift, pair: PairOptics, c1_m: float) -> float:
    """Error of C1 over its stated σ."""
    assert found.covariance_px2 is not None
    unit = np.subtract(pair.second_tilt, pair.first_tilt) / pair.separation_rad
    sigma = math.sqrt(unit @ found.covariance_px2 @ unit) * pair.pixel_m / pair.separation_rad
    return (pair.defocus_of(found.shift_px) - c1_m) / sigma


@pytest.mark.parametrize("alpha_deg", [0, 30, 45, 60])
@pytest.mark.parametrize("c1_m", [-5e-6, 5e-6])
@pytest.mark.parametrize("tilts", [SYMMETRIC, ONE_SIDED])
def test_the_defocus_of_the_middle_at_any_stage_tilt(alpha_deg: float, c1_m: float, tilts: Tilts) -> None:
    """Right to its stated error."""
    pair = optics(tilts, alpha_deg)
    found = register(*images(1, pair, c1_m), pair=pair, with_map=False)
    assert found.false_lock_probability < 1e-12
    assert abs(pull(found, pair, c1_m)) < SIGMAS


def test_the_stretch_costs_little() -> None:
    """The edges lose up to a twelfth of each side (lengths that transforms like), the spline hardly anything."""
    sigmas = []
    for alpha_deg in (0, 60):
        pair = optics(SYMMETRIC, alpha_deg)
        found = register(*images(1, pair, -0.4e-6), pair=pair, with_map=False)
        assert found.sigma_px is not None
        sigmas.append(np.hypot(*found.sigma_px))
    assert sigmas[1] < 1.15 * sigmas[0]


def test_the_stated_errors_are_true_on_a_tilted_specimen() -> None:
    """Of 8 Gaussian pulls the rms is 1 ± 0.25: within 0.2 and 1.85 but for one in 1000."""
    pair = optics(SYMMETRIC, 60)
    pulls = [pull(register(*images(seed, pair, -0.7e-6), pair=pair), pair, -0.7e-6) for seed in range(8)]
    assert 0.2 < math.sqrt(np.mean(np.square(pulls))) < 1.85


def test_a_plain_pair_loses_the_answer_that_the_stretch_keeps() -> None:
    """Between (0, t) at −5 µm the overlap's middle is 25 nm away from the image's: 25 nm·tan 60° = 43 nm of C1.

    The plain pair tells some of that, smeared as it is; the other tells the middle to its error of about 1 nm.
    """
    pair = optics(ONE_SIDED, 60)
    first, second = images(2, pair, -5e-6)
    plain = register(first, second, pair=replace(pair, slope=(0.0, 0.0)))
    aware = register(first, second, pair=pair)
    assert abs(pair.defocus_of(aware.shift_px) + 5e-6) < 6e-9
    assert abs(pair.defocus_of(plain.shift_px) + 5e-6) > 10e-9


def test_swapped_images_tell_the_same_defocus() -> None:
    pair = optics(SYMMETRIC, 45)
    first, second = images(3, pair, 1.5e-6)
    one = register(first, second, pair=pair)
    other = register(second, first, pair=replace(pair, first_tilt=pair.second_tilt, second_tilt=pair.first_tilt))
    assert one.sigma_px is not None
    # The same data: what differs is where Newton's steps stop, a tenth of the error.
    assert np.allclose(one.shift_px, np.negative(other.shift_px), atol=0.3 * max(one.sigma_px))


def test_the_other_stage_tilt_is_the_mirrored_specimen() -> None:
    """Images turned by half a turn: tilts and slope change sign together with the places, C1 stays."""
    pair = optics(SYMMETRIC, 50)
    turned = optics(SYMMETRIC, -50)
    first, second = images(4, pair, -0.9e-6)
    straight = register(first, second, pair=pair)
    backwards = register(second[::-1, ::-1], first[::-1, ::-1], pair=turned)
    assert straight.sigma_px is not None
    gap = abs(pair.defocus_of(straight.shift_px) - turned.defocus_of(backwards.shift_px))
    assert gap < 0.3 * max(straight.sigma_px) * PIXEL_M / pair.separation_rad


@pytest.mark.parametrize("method", [Method.PHASE, Method.CROSS])
def test_the_plain_correlators_are_unstretched_too(method: Method) -> None:
    """Their peak is read to half a pixel: 60 nm at 0.6 nm and 10 mrad take 30; smeared over 25 px it is lost."""
    pair = optics(SYMMETRIC, 60)
    found = register(*images(5, pair, -0.5e-6), pair=pair, method=method)
    assert abs(pair.defocus_of(found.shift_px) + 0.5e-6) < 0.5 * PIXEL_M / pair.separation_rad


def test_where_the_images_agree_is_told() -> None:
    """A specimen in the left half alone: the centre of gravity is a quarter of the width left of the middle."""
    pair = optics(SYMMETRIC, 30)
    left = np.where(np.arange(SHAPE[1]) < SHAPE[1] / 2, 1.0, 0.0)
    rng = np.random.default_rng(6)
    scene = waves(rng)
    seen = [50 + left * scene.seen(*one, SHAPE) + 0.5 * rng.standard_normal(SHAPE) for one in maps(pair, -0.3e-6)]
    found = register(*seen, pair=pair)
    # Known to 1/t of half the width with t above 10, and to a block of a sixteenth.
    assert found.centroid_px[1] == pytest.approx(-SHAPE[1] / 4, abs=SHAPE[1] / 16)
    assert found.centroid_px[0] == pytest.approx(0, abs=SHAPE[0] / 16)


def test_a_wrong_slope_measures_another_place() -> None:
    """A slope wrong by δ makes δ·p of C1, p where the images agree."""
    pair = optics(SYMMETRIC, 30)
    left = np.where(np.arange(SHAPE[1]) < SHAPE[1] / 2, 1.0, 0.0)
    rng = np.random.default_rng(7)
    scene = waves(rng)
    seen = [50 + left * scene.seen(*one, SHAPE) + 0.3 * rng.standard_normal(SHAPE) for one in maps(pair, -0.3e-6)]
    wrong = replace(pair, slope=(pair.slope[0], pair.slope[1] + 0.05))
    found = register(*seen, pair=wrong)
    expected = -0.05 * found.centroid_px[1] * PIXEL_M  # what the images show less what the slope takes for granted
    error = pair.defocus_of(found.shift_px) + 0.3e-6
    # The weights of the answer are not those of the blocks, but of the same half: to a block of a sixteenth, and noise.
    assert error == pytest.approx(expected, abs=0.05 * SHAPE[1] / 16 * PIXEL_M + 1e-9)
    assert abs(expected) > 1.5e-9  # a quarter of the width away


@pytest.mark.parametrize("alpha_deg", [3, 10, 20, 45, 60])
@pytest.mark.parametrize("common", [True, False])
def test_a_camera_pattern_is_never_taken_for_the_specimen(alpha_deg: float, common: bool) -> None:
    """A pattern a third as strong as the noise (1 % of 1000 electrons), and no specimen or another one in each image:
    wherever the un-stretching puts the pattern, it is not believed."""
    rng = np.random.default_rng(int(alpha_deg) + 100 * common)
    camera = 0.33 * rng.standard_normal(SHAPE)
    seen = []
    for _ in range(2):
        own = 0.0 if common else ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.5) * 4
        seen.append(100 + camera + own + rng.standard_normal(SHAPE))
    column = Column(voltage_v=200e3, c3_m=2.7e-3)
    pair = PairOptics(0.3e-9, column, (0.0, -5e-3), (0.0, 5e-3), slope=slope(alpha_deg))
    found = register(*seen, pair=pair)
    refused = found.false_lock_probability > 1e-6
    assert refused or found.fixed_pattern is FixedPattern.INDISTINGUISHABLE


@pytest.mark.parametrize("alpha_deg", [45, 60])
def test_the_specimen_is_found_beside_the_camera_pattern(alpha_deg: float) -> None:
    pair = optics(SYMMETRIC, alpha_deg)
    camera = 0.3 * np.random.default_rng(8).standard_normal(SHAPE)
    first, second = images(9, pair, -0.5e-6)
    found = register(first + camera, second + camera, pair=pair)
    assert found.false_lock_probability < 1e-12
    assert found.fixed_pattern is not FixedPattern.INDISTINGUISHABLE
    assert abs(pull(found, pair, -0.5e-6)) < SIGMAS


def test_hardly_any_stretch_is_none() -> None:
    """Where the shift changes by less than 0.05 px to the edge, the images are compared as they are."""
    pair = replace(optics(SYMMETRIC, 0), slope=(1e-3, 0.0))
    first, second = images(10, pair, -0.5e-6)
    slight = register(first, second, pair=pair)
    plain = register(first, second, pair=replace(pair, slope=(0.0, 0.0)))
    assert slight.shift_px == plain.shift_px
    assert np.array_equal(slight.covariance_px2, plain.covariance_px2)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MICROGRAPHS)
@pytest.mark.parametrize("alpha_deg", [30, 60])
def test_a_stretched_micrograph(name: str, alpha_deg: float) -> None:
    """A real micrograph seen through the two maps (a cubic spline is what makes the images, binned by three so that it
    is smooth against a pixel), with new noise of its own rms: right to four stated sigmas and 0.02 px."""
    scene = ndimage.gaussian_filter(pixels("cryo_mic", name), 1.0)
    scene = (scene - scene.mean()) / scene.std()
    pair, c1_m, rng, seen = optics(SYMMETRIC, alpha_deg), -2e-6, np.random.default_rng(3), []
    for matrix, d in maps(pair, c1_m):
        finer = 2.0 * np.linalg.inv(matrix)  # the scene has pixels half as large
        offset = (np.array(scene.shape) - 1) / 2 - finer @ ((np.array(SHAPE) - 1) / 2 + d)
        view = ndimage.affine_transform(scene, finer, offset, output_shape=SHAPE, order=3)
        seen.append(10 + view + rng.standard_normal(SHAPE))
    found = register(*seen, pair=pair)
    assert found.false_lock_probability < 1e-6
    assert found.sigma_px is not None
    error_px = (pair.defocus_of(found.shift_px) - c1_m) * pair.separation_rad / PIXEL_M
    assert abs(error_px) < 4 * np.hypot(*found.sigma_px) + 0.02
