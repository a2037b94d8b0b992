"""The refinement alone: from tiles cut nearly right to a shift, its error and the evidence."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.matched import Refined, refine
from eucentric.images.prepare import prepare
from tests.correlation.pairs import Pair, cut, distance, shifted_pair
from tests.correlation.scenes import blank

TRUE = (41.3, -36.6)


def refined(pair: Pair, whole: tuple[int, int], reach_px: float = 6.0) -> Refined:
    """The pair refined from tiles cut at `whole`."""
    spectra = cut(prepare(pair.reference), prepare(pair.moving), whole)
    assert spectra is not None
    found = refine(spectra, None, reach_px=reach_px)
    assert found is not None
    return found


@pytest.mark.parametrize("off", [(0, 0), (2, 1), (-3, 3), (4, -2)])
def test_starts_a_few_pixels_off(off: tuple[int, int]) -> None:
    """The reduced search is some pixels off: the same answer to four sigmas."""
    pair = shifted_pair(0, TRUE, grain_px=1.5)
    found = refined(pair, (41 + off[0], -37 + off[1]))
    sigma = np.sqrt(np.trace(found.covariance_px2))
    assert distance(found.shift_px, TRUE) < 4 * sigma


def test_covariance_is_one() -> None:
    """Symmetric, positive."""
    covariance = refined(shifted_pair(0, TRUE, grain_px=1.5), (41, -37)).covariance_px2
    assert covariance.shape == (2, 2)
    assert covariance == pytest.approx(covariance.T)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_evidence_is_the_information_of_the_images() -> None:
    """In nats, at the right shift ½Σγ² over the independent modes of the plane, from the imposed signal to noise.

    Within 35 %: γ per ring is smoothed, rings below their noise are left out, and the axes carry no weight.
    """
    dose, contrast, grain = 20.0, 0.1, 1.5
    pair = shifted_pair(3, TRUE, dose=dose, contrast=contrast, grain_px=grain)
    qy, qx = np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None]
    power = np.exp(-((np.pi * grain) ** 2) * (qy**2 + qx**2))
    snr = contrast**2 * dose * power / power.mean()
    gamma = snr / (1 + snr)
    overlap = (1 - 41.3 / 256) * (1 - 36.6 / 256)
    assert refined(pair, (41, -37)).evidence == pytest.approx(0.5 * overlap * float((gamma**2).sum()), rel=0.35)


def test_evidence_grows_with_the_dose() -> None:
    nats = [refined(shifted_pair(0, TRUE, dose=d, grain_px=1.5), (41, -37)).evidence for d in (3, 10, 30)]
    assert 0 < nats[0] < nats[1] < nats[2]


def test_noise_explains_little() -> None:
    """Of blank pairs: no ring holds a signal, or what a chance ring explains is a few nats (½ of 2.5σ² each, a few)."""
    for seed in range(6):
        one, two = blank(seed)
        spectra = cut(prepare(one), prepare(two), (20, -10))
        assert spectra is not None
        found = refine(spectra, None, reach_px=6.0)
        assert found is None or found.evidence < 40


def test_fixed_pattern_is_counted_in_sigmas() -> None:
    """A gain residual of 2 % beside a weak specimen shows; without it, nothing does."""
    pair = shifted_pair(1, (12.3, 15.8), contrast=0.04, dose=200, grain_px=1.5)
    camera = (1 + 0.02 * np.random.default_rng(9).standard_normal((256, 256))).astype(np.float32)
    seen = Pair(pair.reference * camera, pair.moving * camera, pair.shift_px)
    assert refined(seen, (12, 16)).pattern_sigmas > 5
    assert abs(refined(pair, (12, 16)).pattern_sigmas) < 4
