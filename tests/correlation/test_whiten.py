"""Images for the search: even spectra, limited modes and pixels, the coma out."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.rings import rings
from eucentric.correlation.whiten import PIXEL_LIMIT, reduced_mask, signal_weight, whitened
from eucentric.images.prepare import prepare
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from tests.correlation.pairs import shifted_pair
from tests.correlation.scenes import Lens, holes, tilted_pair


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_reduced_images_are_limited_and_of_unit_spread(factor: int) -> None:
    """Robust spread 1, or less where a few pixels rule; none beyond the limit."""
    pair = shifted_pair(0, (12.0, 20.0), shape=(200, 230))
    images = whitened(prepare(pair.reference), prepare(pair.moving), pair=None, factor=factor, workers=1)
    for image in images:
        assert image.shape == (200 // factor, 230 // factor)
        assert np.abs(image).max() <= PIXEL_LIMIT
        assert 0.5 < image.std() < 1.5


def test_bragg_spots_are_limited() -> None:
    """A lattice's spots hold nearly all power of the image; after limiting, no mode holds more than a hundredth.

    The brightest ring has some tens of modes, weights are bounded, and a mode is held to 9 times its ring's mean.
    """
    pair = holes(0, (0.0, 0.0), film_rms=0.0, dose=2000)
    raw = np.abs(np.fft.rfft2(pair.reference - pair.reference.mean())) ** 2
    assert raw.max() > 0.05 * raw.sum()
    image, _ = whitened(prepare(pair.reference), prepare(pair.moving), pair=None, factor=1, workers=1)
    power = np.abs(np.fft.rfft2(image)) ** 2
    assert power.max() < 0.01 * power.sum()


def test_known_coma_is_taken_out() -> None:
    """With the pair's optics the whitened images correlate better at their true shift: the phases agree."""
    lens = Lens(c1_m=0.5e-6, pixel_m=0.2e-9)  # the coma goes with the third power of frequency
    pair = tilted_pair(0, lens)
    optics = PairOptics(lens.pixel_m, Column(200e3, lens.c3_m), (0.0, -10e-3), (0.0, 10e-3))
    first, second = prepare(pair.reference), prepare(pair.moving)
    heights = []
    for known in (optics, None):
        a, b = whitened(first, second, pair=known, factor=1, workers=1)
        heights.append(float(np.fft.irfft2(np.conj(np.fft.rfft2(a)) * np.fft.rfft2(b), s=a.shape).max()))
    assert heights[0] > 1.2 * heights[1]


def test_weight_follows_the_signal() -> None:
    """A spectrum of noise 1 and a signal that falls: weights fall with it, to the floor where there is noise alone."""
    grid = rings(128, 128)
    level = 1 + 5 * np.exp(-grid.centre / 0.05)
    weight = signal_weight(level, grid)
    used = grid.count > 0
    assert (weight[~used] == 0).all()
    assert (np.diff(weight[used & (grid.centre < 0.3)]) <= 1e-9).all()
    assert weight[used].min() > 0
    noise = signal_weight(np.ones_like(level), grid)
    assert weight[used].max() > 10 * noise[used].max()


def test_mask_is_reduced_with_the_image() -> None:
    light = np.ones((192, 256))
    light[:, 150:] = 0
    image = prepare(np.random.default_rng(0).poisson(30 * light))
    mask = reduced_mask(image, 3)
    assert mask is not None
    assert mask.shape == (64, 85)
    assert (mask[:, 51:] == 0).all()
    assert reduced_mask(prepare(np.random.default_rng(0).poisson(30, (64, 64))), 2) is None
