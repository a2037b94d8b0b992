"""What a pair of images shows of a film at each defocus: how far it stands out, and what it tells of a shift. Pure.

Per pixel of the area that two images share: the mean coherence, and the information of their shift. Both come from
the coherence that optics (damped by convergence as defocus and tilt grow), dose, camera and thickness leave; they are
tabulated over C1 once, and everything that is planned reads them there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eucentric.optics.aberrations import Aberrations
from eucentric.optics.information import depth_coherence, frequency_plane, pair_coherence
from eucentric.optics.transfer import tilted_transfer
from eucentric.optimize.candidate import EXPOSURES
from eucentric.optimize.instrument import Instrument, Magnification

Array = NDArray[np.float64]

USABLE = 0.05
"""A coherence below this is not found among what its own estimate scatters: nothing is counted on it."""
_SAMPLES = 48  # frequencies a side, of which half a plane is enough: γ(−q) = γ(q)
_SMALLEST_M, _LARGEST_M, _A_DECADE = 0.1e-6, 1e-3, 3
_NEAR_M = 20e-6  # farther away both sides of focus look alike
_MAGNITUDES = np.geomspace(_SMALLEST_M, _LARGEST_M, 1 + round(_A_DECADE * np.log10(_LARGEST_M / _SMALLEST_M)))


@dataclass(frozen=True, slots=True)
class Sight:
    """Tables over C1 from −1 mm to 1 mm: `coherence` the mean γ, `told` the information of a shift along the tilt in
    1/px², each per pixel of common area.
    """

    c1_m: Array
    coherence: Array
    told: Array

    def at(self, c1_m: ArrayLike) -> tuple[Array, Array]:
        """(mean γ, information) at C1, any shape; between the samples they change evenly in sinh⁻¹(C1)."""
        where, samples = _even(c1_m), _even(self.c1_m)
        return np.interp(where, samples, self.coherence), np.exp(np.interp(where, samples, np.log(self.told)))


def sight(instrument: Instrument, magnification: Magnification, binning: int, tilt_rad: float) -> dict[float, Sight]:
    """What is seen with a pair at ±tilt, for each exposure that is tried."""
    return _sights(instrument, magnification, binning, tilt_rad, EXPOSURES)


def sight_at(
    instrument: Instrument, magnification: Magnification, binning: int, tilt_rad: float, exposure: float
) -> Sight:
    """The same for one exposure."""
    return _sights(instrument, magnification, binning, tilt_rad, (exposure,))[exposure]


def _even(c1_m: ArrayLike) -> Array:
    return np.asarray(np.arcsinh(np.asarray(c1_m) / _SMALLEST_M))


@functools.lru_cache(maxsize=4096)
def _sights(
    instrument: Instrument,
    magnification: Magnification,
    binning: int,
    tilt_rad: float,
    exposures: tuple[float, ...],
) -> dict[float, Sight]:
    near, far = _MAGNITUDES[_MAGNITUDES <= _NEAR_M * 1.01], _MAGNITUDES[_MAGNITUDES > _NEAR_M * 1.01]
    under = np.concatenate([-_MAGNITUDES[::-1], [0.0], near])
    pair = _Pair(instrument, magnification, binning, tilt_rad)
    table = np.array([_seen(pair, float(c), exposures) for c in under])  # (C1, exposure, 2)
    mirrored = [int(np.argmin(np.abs(under + c))) for c in far]
    whole = np.concatenate([table, table[mirrored]])
    c1 = np.concatenate([under, far])
    return {x: Sight(c1, whole[:, k, 0], np.maximum(whole[:, k, 1], 1e-30)) for k, x in enumerate(exposures)}


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is looked through."""

    instrument: Instrument
    magnification: Magnification
    binning: int
    tilt_rad: float


def _seen(one: _Pair, c1_m: float, exposures: tuple[float, ...]) -> list[tuple[float, float]]:
    """(mean γ, information along the tilt per pixel in 1/px²) of a pair at ±tilt along x, at C1, for each exposure."""
    there, pixel = one.instrument, one.magnification.pixel_m * one.binning
    column, detector = there.column(one.magnification), there.detector(one.binning)
    lens = Aberrations(c1_m=c1_m, c3_m=there.lens.cs_m)
    qy, qx = frequency_plane((_SAMPLES, _SAMPLES))
    qx = qx[:, : _SAMPLES // 2]
    power, depth = _object(there, one.magnification, one.binning, one.tilt_rad)
    left, right = (
        np.abs(tilted_transfer(qx / pixel, qy / pixel, (0.0, side * one.tilt_rad), lens, column)) for side in (-1, 1)
    )
    out = []
    for exposure in exposures:
        electrons = one.magnification.dose_per_m2 * exposure * pixel**2
        gamma = pair_coherence(power, left, right, detector.noise_power(qy, qx, electrons)) * depth
        gamma[0, 0] = 0.0  # the mean tells nothing
        gamma[gamma < USABLE] = 0.0
        g2 = np.minimum(gamma**2, 1 - 1e-9)
        told = np.mean(g2 / (1 - g2) * (2 * np.pi * qx) ** 2)
        out.append((float(np.mean(gamma)), float(told)))
    return out


@functools.lru_cache(maxsize=512)
def _object(instrument: Instrument, magnification: Magnification, binning: int, tilt_rad: float) -> tuple[Array, Array]:
    """(power of the film as the camera sees it, what the two directions of view share of it)."""
    pixel = magnification.pixel_m * binning
    qy, qx = frequency_plane((_SAMPLES, _SAMPLES))
    qx = qx[:, : _SAMPLES // 2]
    spectrum = instrument.specimen.spectrum(instrument.lens.voltage)
    seen = instrument.detector(binning).signal_transfer(qy, qx) ** 2
    power = spectrum.density(np.hypot(qx / pixel, qy / pixel)) / pixel**2 * seen
    depth = depth_coherence(qy, qx, (0.0, 2 * tilt_rad), thickness_m=spectrum.thickness_m, pixel_m=pixel)
    return np.asarray(power), depth
