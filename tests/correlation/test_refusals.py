"""Nothing in common, or nothing that can be told: the result must say so."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Method, Shift
from tests.correlation import scenes
from tests.correlation.pairs import Pair, distance, shifted_pair
from tests.correlation.scenes import holes, with_camera

ACCEPTED = 1e-6
"""False-lock probability below which a shift is believed (issue: of such pairs ≥ 99 % must be right)."""
CLEAR_ODDS = 1e3
"""Odds below this against the runner-up are ambiguous."""


def believed(found: Shift) -> bool:
    """Whether anything downstream could take this for a measurement."""
    return (
        found.false_lock_probability < ACCEPTED
        and found.fixed_pattern is not FixedPattern.INDISTINGUISHABLE
        and (found.runner_up is None or found.runner_up.odds > CLEAR_ODDS)
    )


@pytest.mark.parametrize(
    "scene",
    [
        scenes.blank,
        scenes.unrelated,
        scenes.pattern_only,
        scenes.beam_edge,
        scenes.gradients,
        scenes.hot_pixels,
        scenes.x_rays,
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_nothing_in_common_is_not_believed(scene: object, seed: int) -> None:
    """28 pairs at a chance of 1e-6 each."""
    images = scene(seed)  # type: ignore[operator]
    assert not believed(register(*images))


@pytest.mark.parametrize("method", [Method.CROSS, Method.PHASE])
@pytest.mark.parametrize("scene", [scenes.blank, scenes.unrelated, scenes.beam_edge])
def test_plain_peaks_of_nothing_are_not_believed(scene: object, method: Method) -> None:
    """A plain correlator always has a highest element; the evidence for it is judged the same way."""
    assert not believed(register(*scene(0), method=method))  # type: ignore[operator]


def test_pattern_alone_is_named() -> None:
    """A camera pattern is strong evidence for zero shift, of the camera: named, not called noise."""
    found = register(*scenes.pattern_only(0))
    assert distance(found.shift_px, (0.0, 0.0)) < 0.3
    assert found.fixed_pattern is FixedPattern.INDISTINGUISHABLE


def test_specimen_at_zero_shift_without_optics_can_not_be_told() -> None:
    """1 % of contrast at zero shift is what a gain residual looks like too."""
    pair = shifted_pair(1, (0.0, 0.0), contrast=0.01, dose=500, grain_px=1.5)
    found = register(pair.reference, pair.moving)
    assert distance(found.shift_px, (0.0, 0.0)) < 0.5
    assert found.fixed_pattern is FixedPattern.INDISTINGUISHABLE


def test_strong_contrast_at_zero_shift_is_no_camera() -> None:
    """No gain reference leaves 15 % rms over: the specimen has not moved."""
    pair = with_camera(shifted_pair(1, (0.0, 0.0), contrast=0.15), 3)
    found = register(pair.reference, pair.moving)
    assert distance(found.shift_px, (0.0, 0.0)) < 0.2
    assert found.fixed_pattern is not FixedPattern.INDISTINGUISHABLE


def test_reversed_contrast_is_seen() -> None:
    """One image is the other's negative: the place is right, the sign says so."""
    pair = shifted_pair(2, (12.0, -16.0))
    found = register(pair.reference, 2 * pair.moving.mean() - pair.moving)
    assert found.contrast_sign == -1
    assert found.false_lock_probability < ACCEPTED
    assert distance(found.shift_px, pair.shift_px) < 1.5  # whole pixels of the search on either axis


def test_like_contrast_is_seen() -> None:
    pair = shifted_pair(2, (12.0, -16.0))
    assert register(pair.reference, pair.moving).contrast_sign == 1


def dirty(pair: Pair, seed: int) -> Pair:
    """Hot pixels common to both images and x-rays of each: 1 in 2000 pixels."""
    rng = np.random.default_rng(seed)
    ny, nx = pair.reference.shape
    at = (rng.integers(0, ny, 20), rng.integers(0, nx, 20))
    images = []
    for image in (pair.reference, pair.moving):
        out = image.copy()
        out[at] += 5000
        out[rng.integers(0, ny, 12), rng.integers(0, nx, 12)] += rng.uniform(500, 50000, 12)
        images.append(out)
    return Pair(images[0], images[1], pair.shift_px)


@pytest.mark.parametrize("seed", range(3))
def test_hot_pixels_and_x_rays_do_not_win(seed: int) -> None:
    """The specimen's shift as if the spikes were not there: they cost 0.05 % of the pixels."""
    clean = shifted_pair(seed, (15.0, 22.0), contrast=0.05, grain_px=1.5)
    spoilt = dirty(clean, seed)
    found, wanted = register(spoilt.reference, spoilt.moving), register(clean.reference, clean.moving)
    assert found.sigma_px is not None
    assert found.false_lock_probability < ACCEPTED
    assert distance(found.shift_px, wanted.shift_px) < np.hypot(*found.sigma_px)


def in_a_beam(side: int, radius: float, moved_by: tuple[float, float] = (0.0, 0.0)) -> Pair:
    """A specimen of 15 % contrast that moves by 20 px inside a lit disc that stays, or follows a pivot error."""
    pair = shifted_pair(4, (-12.0, 16.0), contrast=0.15, dose=40, shape=(side, side), grain_px=2)
    y, x = np.mgrid[:side, :side]
    centre = radius + 10
    lights = [
        (0.5 - 0.5 * np.tanh((np.hypot(y - centre - dy, x - centre - dx) - radius) / 5)).astype(np.float32)
        for dy, dx in ((0.0, 0.0), moved_by)
    ]
    return Pair(pair.reference * lights[0], pair.moving * lights[1], pair.shift_px)


@pytest.mark.parametrize("moved_by", [(0.0, 0.0), (25.0, -18.0)])
def test_beam_edge_does_not_win(moved_by: tuple[float, float]) -> None:
    """63 % of the view is lit, at the same place or not: the specimen's shift is found."""
    pair = in_a_beam(512, 230, moved_by)
    found = register(pair.reference, pair.moving)
    assert believed(found)
    assert distance(found.shift_px, pair.shift_px) < 0.1
    assert 0.3 < found.lit[0] < 0.70  # border blocks of 32 px are left out


@pytest.mark.parametrize("moved_by", [(0.0, 0.0), (25.0, -18.0), (-40.0, 0.0)])
def test_beam_edge_in_a_small_view_is_right_or_refused(moved_by: tuple[float, float]) -> None:
    pair = in_a_beam(256, 100, moved_by)
    found = register(pair.reference, pair.moving)
    assert not believed(found) or distance(found.shift_px, pair.shift_px) < 0.5


def test_illumination_gradient_does_not_win() -> None:
    """30 % across the image, at rest, over a specimen of 5 % contrast that moves."""
    pair = shifted_pair(5, (18.0, -9.0), contrast=0.05, grain_px=1.5)
    slope = 1 + 0.3 * np.linspace(-1, 1, 256)[:, None] + 0.2 * np.linspace(-1, 1, 256)[None]
    found = register(pair.reference * slope, pair.moving * slope)
    assert found.false_lock_probability < ACCEPTED
    assert distance(found.shift_px, pair.shift_px) < 0.5


PITCH_PX = 40.0
NEAR_PX = 3.0
"""Bare hole edges of 20 % contrast: far less than half a pitch, whatever the error."""


def lattice_offset(found: tuple[float, float], true: tuple[float, float]) -> float:
    """Distance to the nearest answer that a lattice vector away from the true one gives."""
    return float(np.hypot(*((np.subtract(found, true) + PITCH_PX / 2) % PITCH_PX - PITCH_PX / 2)))


@pytest.mark.parametrize("shift", [(5.0, 9.0), (50.0, -30.0), (-17.0, 18.0)])
def test_bare_lattice_is_ambiguous(shift: tuple[float, float]) -> None:
    """Regular holes without any texture: two answers, a lattice vector apart, and odds near one between them."""
    pair = holes(1, shift, pitch_px=PITCH_PX)
    found = register(pair.reference, pair.moving)
    assert found.runner_up is not None
    assert found.runner_up.odds < CLEAR_ODDS
    assert lattice_offset(found.shift_px, shift) < NEAR_PX
    assert lattice_offset(found.runner_up.shift_px, shift) < NEAR_PX
    assert distance(found.runner_up.shift_px, found.shift_px) > 0.8 * PITCH_PX


@pytest.mark.parametrize("film_rms", [0.005, 0.01, 0.02, 0.04])
@pytest.mark.parametrize("shift", [(5.0, 9.0), (50.0, -30.0)])
def test_lattice_with_faint_texture_is_right_or_ambiguous(shift: tuple[float, float], film_rms: float) -> None:
    """Wherever texture is too faint to decide, nothing wrong may be believed."""
    for seed in range(3):
        pair = holes(seed, shift, pitch_px=PITCH_PX, film_rms=film_rms)
        found = register(pair.reference, pair.moving, with_map=False)
        assert not believed(found) or distance(found.shift_px, shift) < NEAR_PX


@pytest.mark.parametrize("shift", [(5.0, 9.0), (50.0, -30.0), (-17.0, 18.0)])
def test_lattice_with_texture_is_right(shift: tuple[float, float]) -> None:
    """A film of 15 % contrast tells the cells apart: right, and believed."""
    for seed in range(2):
        pair = holes(seed, shift, pitch_px=PITCH_PX, film_rms=0.15)
        found = register(pair.reference, pair.moving, with_map=False)
        assert distance(found.shift_px, shift) < 0.3
        assert believed(found)


def test_other_cells_of_a_lattice_are_not_believed() -> None:
    """The same holes over unrelated film."""
    for seed in range(4):
        one = holes(seed, (0.0, 0.0), pitch_px=PITCH_PX, film_rms=0.1)
        two = holes(seed + 50, (7.0, -11.0), pitch_px=PITCH_PX, film_rms=0.1)
        assert not believed(register(one.reference, two.moving, with_map=False))
