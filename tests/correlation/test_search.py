"""How far apart the images may stand: overlaps down to a tenth, in every direction and shape."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.register import register
from eucentric.correlation.search import FOOT, SearchRange, search
from eucentric.images.prepare import prepare
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from tests.correlation.pairs import distance, shifted_pair
from tests.correlation.scenes import Lens, blank, holes, tilted_pair

FOUND_PX = 2.0
"""A found shift is right within this; a wrong one is anywhere in a range of hundreds of pixels (chance 1e-4)."""
SHAPES = [(256, 256), (201, 323), (300, 190)]
DIRECTIONS = {"y": (1, 0), "x": (0, -1), "diagonal": (1, 1), "other diagonal": (-1, 1)}


def shift_for(overlap: float, shape: tuple[int, int], direction: tuple[int, int]) -> tuple[float, float]:
    """The shift that leaves this overlap: along an axis 1 − overlap of the side, diagonally 1 − √overlap of both."""
    part = 1 - overlap if 0 in direction else 1 - np.sqrt(overlap)
    return (round(direction[0] * part * shape[0]), round(direction[1] * part * shape[1]))


@pytest.mark.parametrize("overlap", [0.8, 0.5, 0.3, 0.2, 0.1])
@pytest.mark.parametrize("direction", list(DIRECTIONS))
def test_overlaps_are_found(overlap: float, direction: str) -> None:
    """12 % of contrast at 60 electrons per pixel and a grain of 1.5 px: right, and 1e-6 sure of it; three shapes."""
    for n, shape in enumerate(SHAPES):
        shift = shift_for(overlap, shape, DIRECTIONS[direction])
        pair = shifted_pair(n, shift, shape=shape, dose=60, contrast=0.12, grain_px=1.5)
        found = register(pair.reference, pair.moving, with_map=False)
        assert distance(found.shift_px, shift) < FOUND_PX, shape
        assert found.false_lock_probability < 1e-6, shape
        assert found.overlap == pytest.approx(overlap, abs=0.02)


@pytest.mark.parametrize("overlap", [0.5, 0.2])
def test_larger_images_are_searched_coarsely_first(overlap: float) -> None:
    """768 × 640: the first level is reduced by three, and what it finds is refined to a fraction of a pixel."""
    shift = shift_for(overlap, (768, 640), (1, -1))
    pair = shifted_pair(7, shift, shape=(768, 640), dose=60, contrast=0.12, grain_px=3)
    found = register(pair.reference, pair.moving)
    assert distance(found.shift_px, shift) < 0.2
    assert found.map is not None
    assert found.map.step_px == (3.0, 3.0)


def test_fine_texture_in_a_large_image() -> None:
    """Noise-like texture that averages out in the reduced images is found at full resolution."""
    rng = np.random.default_rng(0)
    field = rng.standard_normal((1000, 800)).astype(np.float32)
    one = field[100:740, 100:740] + 2 * rng.standard_normal((640, 640))
    two = field[137:777, 81:721] + 2 * rng.standard_normal((640, 640))  # s = (−37, 19)
    found = register(one, two)
    assert distance(found.shift_px, (-37.0, 19.0)) < 0.2
    assert found.false_lock_probability < 1e-6


def test_beyond_the_range_nothing_is_claimed() -> None:
    """An overlap of 30 % when only half and more is searched."""
    shift = shift_for(0.3, (256, 256), (1, 0))
    pair = shifted_pair(3, shift, dose=60, contrast=0.12, grain_px=1.5)
    found = register(pair.reference, pair.moving, where=SearchRange(min_overlap=0.5))
    assert found.false_lock_probability > 1e-6
    assert found.overlap >= 0.4


def test_place_of_the_pattern_can_be_left_out() -> None:
    """`without_zero` skips |shift| ≤ 2 px: two equal images have no candidate there."""
    pair = shifted_pair(3, (0.0, 0.0), grain_px=1.5)
    found = search(prepare(pair.reference), prepare(pair.moving), None, SearchRange(without_zero=True), workers=1)
    assert all(max(abs(s) for s in c.shift_px) > 2 for c in found.candidates)


def test_candidates_are_ordered_and_apart() -> None:
    """On a lattice every candidate is another cell; evidence falls from first to last."""
    pair = holes(2, (5.0, 9.0))
    found = search(prepare(pair.reference), prepare(pair.moving), None, SearchRange(), workers=1)
    places = [c.shift_px for c in found.candidates if c.sign > 0]
    assert len(places) >= 3
    assert min(distance(a, b) for n, a in enumerate(places) for b in places[:n]) > 3
    assert found.rival is not None
    assert found.rival in found.candidates


def test_of_noise_every_chance_is_likely() -> None:
    """The false-lock probability of blank pairs is no more often small than it says: of 40, none below 1/40/25."""
    chances = []
    for seed in range(40):
        one, two = blank(seed, (96, 112))
        found = search(prepare(one), prepare(two), None, SearchRange(), workers=1)
        chances.append(found.false_lock_probability)
    assert min(chances) > 1e-3
    assert np.median(chances) > 0.2  # Bonferroni over dependent lags: conservative


def test_map_of_the_search_is_padded() -> None:
    """No lag wraps onto another: the map is at least twice the image."""
    one, two = blank(0, (100, 130))
    found = search(prepare(one), prepare(two), None, SearchRange(), workers=1)
    assert found.correlation.shape[0] >= 200
    assert found.correlation.shape[1] >= 260


def test_the_foot_of_the_peak_is_no_runner_up() -> None:
    """Beside the best one, within the ripples of its own peak, nothing of the other sign is named as an alternative."""
    optics = PairOptics(0.3e-9, Column(200e3, 2.7e-3), (0.0, -5e-3), (0.0, 5e-3))
    pair = tilted_pair(4, Lens(c1_m=-0.6e-6, tilt_rad=(0.0, 5e-3)))
    found = search(prepare(pair.reference), prepare(pair.moving), optics, SearchRange(), workers=1)
    best, rival = found.candidates[0], found.rival
    assert rival is None or rival.sign == best.sign or distance(rival.shift_px, best.shift_px) > FOOT * found.step_px[0]
