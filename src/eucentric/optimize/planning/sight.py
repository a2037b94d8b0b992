"""What a pair of images shows of a film at each defocus: how far it stands out, and what it tells of a shift. Pure.

Per pixel of the area that two images share: the rms coherence, and the information of their shift. Both come from
the coherence that optics (damped by convergence as defocus and tilt grow), dose, camera and thickness leave; they are
tabulated over C1 once, and everything that is planned reads them there. Edges of
holes are not counted on: light that is not even and refraction move them, and the next hole has the same.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eucentric.optics.aberrations import Aberrations
from eucentric.optics.information import depth_coherence, pair_coherence
from eucentric.optics.transfer import tilted_transfer
from eucentric.optimize.instrument import Instrument, Magnification
from eucentric.optimize.planning.candidate import EXPOSURES

Array = NDArray[np.float64]

USABLE = 0.05
"""A coherence below this is not found among what its own estimate scatters: nothing is counted on it."""
_SAMPLES = 32  # frequencies a side, of which half a plane is enough: γ(−q) = γ(q)
_ZOOM = 8  # the middle of the plane, where everything is far from focus, is sampled so many times finer
_SMALLEST_M, _LARGEST_M, _A_DECADE = 0.1e-6, 1e-3, 3
_NEAR_M = 20e-6  # farther away both sides of focus look alike
_MAGNITUDES = np.geomspace(_SMALLEST_M, _LARGEST_M, 1 + round(_A_DECADE * np.log10(_LARGEST_M / _SMALLEST_M)))
_IS_NEAR = _MAGNITUDES <= _NEAR_M * 1.01
_COMPUTED = np.concatenate([-_MAGNITUDES[::-1], [0.0], _MAGNITUDES[_IS_NEAR]])
_MIRRORED = [int(np.argmin(np.abs(_COMPUTED + c))) for c in _MAGNITUDES[~_IS_NEAR]]


@dataclass(frozen=True, slots=True)
class Sight:
    """Tables over C1 from −1 mm to 1 mm, at the same samples for all: `coherence` the rms γ, `told` the logarithm of
    the information of a shift along the tilt in 1/px², each per pixel of common area. `pattern` is the mean γ of the
    camera's own pattern.
    """

    coherence: Array
    told: Array
    pattern: float

    def at(self, c1_m: ArrayLike) -> tuple[Array, Array]:
        """(rms γ, information) at C1, any shape; between the samples they change evenly in sinh⁻¹(C1)."""
        where = _even(c1_m)
        return np.interp(where, _EVEN, self.coherence), np.exp(np.interp(where, _EVEN, self.told))


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """Many of them as rows of tables (n, samples), to be read together."""

    coherence: Array
    told: Array

    @staticmethod
    def of(these: Sequence[Sight]) -> Sights:
        """One row each."""
        return Sights(np.array([one.coherence for one in these]), np.array([one.told for one in these]))

    def at(self, row: NDArray[np.intp], c1_m: Array) -> tuple[Array, Array]:
        """What the sight of each row has at its C1, (n,) both, as `Sight.at`."""
        where = np.clip(_even(c1_m), _EVEN[0], _EVEN[-1])
        above = np.clip(np.searchsorted(_EVEN, where), 1, _EVEN.size - 1)
        part = (where - _EVEN[above - 1]) / (_EVEN[above] - _EVEN[above - 1])
        gamma, told = (
            table[row, above - 1] * (1 - part) + table[row, above] * part for table in (self.coherence, self.told)
        )
        return gamma, np.exp(told)


def sight(instrument: Instrument, magnification: Magnification, binning: int, tilt_rad: float) -> dict[float, Sight]:
    """What is seen with a pair at ±tilt, for each exposure that is tried."""
    return _sights(instrument, magnification, binning, tilt_rad, EXPOSURES)


def sight_at(
    instrument: Instrument, magnification: Magnification, binning: int, tilt_rad: float, exposure: float
) -> Sight:
    """The same for one exposure."""
    exposures = EXPOSURES if exposure in EXPOSURES else (exposure,)
    return _sights(instrument, magnification, binning, tilt_rad, exposures)[exposure]


def _even(c1_m: ArrayLike) -> Array:
    return np.asarray(np.arcsinh(np.asarray(c1_m) / _SMALLEST_M))


_EVEN = _even(np.concatenate([_COMPUTED, _MAGNITUDES[~_IS_NEAR]]))


@functools.lru_cache(maxsize=4096)
def _sights(
    instrument: Instrument,
    magnification: Magnification,
    binning: int,
    tilt_rad: float,
    exposures: tuple[float, ...],
) -> dict[float, Sight]:
    pair = _Pair(instrument, magnification, binning, tilt_rad)
    noises = [_noise(pair, x) for x in exposures]
    table = np.array([_seen(pair, float(c), noises) for c in _COMPUTED])  # (C1, exposure, 2)
    whole = np.concatenate([table, table[_MIRRORED]])
    return {
        x: Sight(whole[:, k, 0], np.log(np.maximum(whole[:, k, 1], 1e-30)), _pattern(pair, x))
        for k, x in enumerate(exposures)
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is looked through."""

    instrument: Instrument
    magnification: Magnification
    binning: int
    tilt_rad: float


@functools.lru_cache(maxsize=1)
def plane() -> tuple[Array, Array, Array]:
    """(qy, qx, weight) of sampled frequencies, cycles per pixel, (n,) each: half a plane, its middle finer; the weights
    add up to 1.
    """
    qy, qx = (np.asarray(q, dtype=np.float64) for q in np.meshgrid(*_grid(), indexing="ij"))
    inside = (np.abs(qy) < 0.5 / _ZOOM) & (np.abs(qx) < 0.5 / _ZOOM)
    coarse, fine = np.ones(qy.shape), np.full(qy.shape, _ZOOM**-2.0)
    parts = [(qy[~inside], qx[~inside], coarse[~inside]), (qy.ravel() / _ZOOM, qx.ravel() / _ZOOM, fine.ravel())]
    y, x, weight = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return y, x, weight / weight.sum()


def _grid() -> tuple[Array, Array]:
    """Rows and columns of half a plane, off its axes: the mean tells nothing, and nothing lies on it."""
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    return steps, steps[_SAMPLES // 2 :]


def _noise(one: _Pair, exposure: float) -> Array:
    """The noise power at the frequencies of `plane`."""
    qy, qx, _ = plane()
    electrons = one.magnification.dose_per_m2 * exposure * (one.magnification.pixel_m * one.binning) ** 2
    return np.asarray(one.instrument.detector(one.binning).noise_power(qy, qx, electrons))


def _pattern(one: _Pair, exposure: float) -> float:
    """Mean γ of what gain and dark correction leave: white before the pixels are binned, alike in both images."""
    camera, binning = one.instrument.camera, one.binning
    electrons = one.magnification.dose_per_m2 * exposure * one.magnification.pixel_m**2
    fixed = (camera.gain_residual**2 + (camera.dark_residual_e / electrons) ** 2) / binning**2
    _, _, weight = plane()
    return float(weight @ (fixed / (fixed + _noise(one, exposure))))


def _seen(one: _Pair, c1_m: float, noises: Sequence[Array]) -> list[tuple[float, float]]:
    """(rms γ, information along the tilt per pixel in 1/px²) of a pair at ±tilt along x, at C1, for each noise."""
    there, pixel = one.instrument, one.magnification.pixel_m * one.binning
    column = there.column(one.magnification)
    lens = Aberrations(c1_m=c1_m, c3_m=there.lens.cs_m)
    qy, qx, weight = plane()
    power, depth = _object(there, one.magnification, one.binning, one.tilt_rad)
    left, right = (
        np.abs(tilted_transfer(qx / pixel, qy / pixel, (0.0, side * one.tilt_rad), lens, column)) for side in (-1, 1)
    )
    out = []
    for noise in noises:
        gamma = pair_coherence(power, left, right, noise) * depth
        gamma[gamma < USABLE] = 0.0
        g2 = np.minimum(gamma**2, 1 - 1e-9)
        told = weight @ (g2 / (1 - g2) * (2 * np.pi * qx) ** 2)
        out.append((float(np.sqrt(weight @ gamma**2)), float(told)))
    return out


@functools.lru_cache(maxsize=512)
def _object(instrument: Instrument, magnification: Magnification, binning: int, tilt_rad: float) -> tuple[Array, Array]:
    """(power of the film as the camera sees it, what the two directions of view share of it)."""
    pixel = magnification.pixel_m * binning
    qy, qx, _ = plane()
    film = instrument.specimen.spectrum(instrument.lens.voltage)
    seen = instrument.detector(binning).signal_transfer(qy, qx) ** 2
    q = np.hypot(qx / pixel, qy / pixel)
    depth = depth_coherence(qy, qx, (0.0, 2 * tilt_rad), thickness_m=film.thickness_m, pixel_m=pixel)
    return np.asarray(film.density(q) / pixel**2 * seen), depth
