"""The fast model of a pair against the full transfer."""

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.optics.aberrations import Aberrations, Tilt
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics, pair_model
from eucentric.optics.tilt_shift import defocus_from_shift, shift_between
from eucentric.optics.transfer import TiltedPair, pair_product, tilted_transfer

_N = 64
_PIXEL_M = 0.3e-9
_LENS = Aberrations(c1_m=-0.5e-6, a1_m=(30e-9, -20e-9), b2_m=(2e-6, 1e-6), c3_m=2.7e-3)

# Phases here are below 250 rad (1 µm of defocus and C3 at 2.4 /nm); float32 rounds each at 6e-8 of itself, in a few
# steps, and the product of two transfers is up to 4.
_FLOAT32 = 250 * 6e-8 * 4 * 4

PAIRS: list[tuple[Tilt, Tilt]] = [
    ((0.0, -5e-3), (0.0, 5e-3)),
    ((1e-3, -5e-3), (2e-3, 6e-3)),
    ((0.0, 0.0), (8e-3, 0.0)),
]


def _q() -> NDArray[np.float32]:
    return np.fft.fftfreq(_N).astype(np.float32)


def _metres() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    qx, qy = np.meshgrid(_q().astype(np.float64) / _PIXEL_M, _q().astype(np.float64) / _PIXEL_M)
    return qx, qy


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("amplitude_contrast", [0.0, 0.1])
@pytest.mark.parametrize("aperture", [None, 9.03e-3])
def test_with_known_defocus_it_is_the_product_of_the_transfers(
    first: Tilt, second: Tilt, amplitude_contrast: float, aperture: float | None
) -> None:
    column = Column(
        voltage_v=200e3,
        c3_m=2.7e-3,
        convergence_rad=0.1e-3,
        amplitude_contrast=amplitude_contrast,
        aperture_rad=aperture,
        aperture_centre_rad=(0.4e-3, 0.7e-3),
    )
    fast = pair_model(
        _q()[:, None],
        _q()[None, :],
        PairOptics(_PIXEL_M, column, first, second, _LENS),
        c1_m=_LENS.c1_m,
        c1_sigma_m=0.0,
    )
    qx, qy = _metres()
    full = pair_product(qx, qy, TiltedPair(first, second, _LENS, column))
    assert np.abs(fast.cross - full).max() <= _FLOAT32
    for power, tilt in ((fast.power_first, first), (fast.power_second, second)):
        assert np.abs(power - np.abs(tilted_transfer(qx, qy, tilt, _LENS, column)) ** 2).max() <= _FLOAT32


def test_with_uncertain_defocus_it_is_the_mean_over_defocus() -> None:
    column = Column(voltage_v=200e3, c3_m=2.7e-3, convergence_rad=0.0)
    first, second = PAIRS[1]
    sigma = 60e-9
    pair = PairOptics(_PIXEL_M, column, first, second, _LENS)
    fast = pair_model(_q()[:, None], _q()[None, :], pair, c1_m=_LENS.c1_m, c1_sigma_m=sigma)
    qx, qy = _metres()
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    weights = weights / weights.sum()
    lenses = [_LENS.with_defocus(_LENS.c1_m + sigma * node) for node in nodes]
    mean = sum(
        w * pair_product(qx, qy, TiltedPair(first, second, lens, column))
        for w, lens in zip(weights, lenses, strict=True)
    )
    assert np.abs(fast.cross - mean).max() <= _FLOAT32


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_shift_and_defocus_are_those_of_the_vectors(first: Tilt, second: Tilt) -> None:
    pair = PairOptics(_PIXEL_M, Column(voltage_v=200e3, c3_m=2.7e-3), first, second, _LENS)
    shift_m = np.asarray(shift_between(first, second, _LENS))
    assert pair.shift_of(_LENS.c1_m) == pytest.approx(tuple(shift_m / _PIXEL_M))
    off = (shift_m[0] + 1e-9, shift_m[1] - 2e-9)
    expected = defocus_from_shift(off, first, second, _LENS).c1_m
    assert pair.defocus_of((off[0] / _PIXEL_M, off[1] / _PIXEL_M)) == pytest.approx(expected)
