"""How much of each mode of a pair is common signal: ring-wise powers through the pair's model, and the fixed pattern.

Per ring the signal power P and the noises N₁, N₂ follow from cross-spectrum and powers by least squares on the model M
(1 without optics); γ = P|M| / √((P|T₁|² + N₁)(P|T₂|² + N₂)) then varies within the ring as the Thon rings do. A fixed
pattern of the camera has a known phase, that of no shift: it is fitted ring by ring beside the specimen and taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.correlation.rings import Rings, smooth
from eucentric.correlation.tiles import TileSpectra
from eucentric.optics.pair import PairOptics, pair_model

Plane = NDArray[np.float32]
ComplexPlane = NDArray[np.complex64]
PerRing = NDArray[np.float64]

RING_SIGMAS = 2.5
"""A ring whose signal is less than this many of its own sigmas carries no weight."""
PATTERN_REACH_PX = 48
"""Up to this shift the camera's pattern is fitted; beyond, its phase turns so fast in a ring that it averages out."""
CELL_SIGMA = 0.4
"""rms width of a frequency cell in units of 1/side: that of a lightly tapered window."""
LEVEL_RINGS = 6
"""Rings to either side over which the whitening level is averaged."""
PATTERN_SIGMAS = 3.0
"""A fixed pattern is taken out when it is this sure to be there."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The cross-spectrum whitened by `level`, both images' geometric mean power over neighbouring rings.

    `first` and `second` are the images' powers per ring, each in units of its own level: gains don't matter.
    `pattern` is what a camera's pattern of zero shift has in the cross-spectrum beside its phase: None for 1.
    """

    spectra: TileSpectra
    grid: Rings
    cross: ComplexPlane
    level: PerRing
    first: PerRing
    second: PerRing
    pattern: ComplexPlane | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """The pair's model on the plane: |M|, conj(M)/|M|, |T|² of both images; and sums of them over rings."""

    size: Plane
    phase: ComplexPlane | None
    power_first: Plane
    power_second: Plane
    moment: PerRing  # Σ|M|²
    mean_first: PerRing
    mean_second: PerRing


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """Mode by mode: γ and the whitened cross-spectrum, aligned and freed of the model's phase; rings in use."""

    gamma: Plane
    aligned: ComplexPlane
    used: NDArray[np.bool_]
    ring_gamma: PerRing
    pattern_sigmas: float


def measured(spectra: TileSpectra, grid: Rings, pattern: ComplexPlane | None = None) -> Measured:
    """The spectra whitened ring by ring: neighbouring rings can then be summed, however steep the spectrum."""
    one, two = (_level(grid.mean(power), grid) for power in (spectra.power_first, spectra.power_second))
    first, second = (grid.mean(p) / level for p, level in ((spectra.power_first, one), (spectra.power_second, two)))
    level = np.sqrt(one * two)
    empty = (first <= 0) | (second <= 0)
    first, second = np.where(empty, 1.0, first), np.where(empty, 1.0, second)
    return Measured(spectra, grid, spectra.cross * grid.spread(1 / level), level, first, second, pattern)


def _level(power: PerRing, grid: Rings) -> PerRing:
    """Geometric mean of the power over neighbouring rings, the same for the Thon rings' bright and dark.

    Smoothed widely: whitened by the Thon rings themselves, the signal's power would be anything but smooth.
    """
    filled = (power > 0) & (grid.count > 0)
    around = np.maximum(smooth(filled.astype(np.float64), LEVEL_RINGS), 1)
    return np.asarray(np.exp(smooth(np.log(np.where(filled, power, 1.0)), LEVEL_RINGS) / around))


def expected(grid: Rings, pair: PairOptics | None, *, c1_m: float, c1_sigma_m: float, side: int) -> Expected:
    """The model of the pair at defocus `c1_m`; all ones without optics."""
    if pair is None:
        ones = np.ones(grid.multiplicity.shape, np.float32)
        flat = np.where(grid.count > 0, 1.0, 0.0)
        return Expected(ones, None, ones, ones, grid.count, flat, flat)
    model = pair_model(grid.qy, grid.qx, pair, c1_m=c1_m, c1_sigma_m=c1_sigma_m, frequency_sigma=CELL_SIGMA / side)
    size = np.abs(model.cross)
    phase = np.asarray(np.conj(model.cross) / np.maximum(size, np.float32(1e-12)), np.complex64)
    return Expected(
        size=size,
        phase=phase,
        power_first=model.power_first,
        power_second=model.power_second,
        moment=grid.total(size * size),
        mean_first=grid.mean(model.power_first),
        mean_second=grid.mean(model.power_second),
    )


def ramp(grid: Rings, shift_px: NDArray[np.float64]) -> ComplexPlane:
    """e^{2πi q·s} on the half plane."""
    return np.asarray(
        np.exp(2j * np.pi * grid.qy * shift_px[0]).astype(np.complex64)
        * np.exp(2j * np.pi * grid.qx * shift_px[1]).astype(np.complex64)
    )


def fit_signal(data: Measured, model: Expected, rest: NDArray[np.float64], *, with_pattern: bool) -> Signal:
    """Fit P, N₁, N₂ (and the fixed pattern) per ring at the shift `rest` beyond the whole pixels; whiten and align."""
    grid, looks = data.grid, data.spectra.looks
    aligned = data.cross * ramp(grid, rest)
    if model.phase is not None:
        aligned *= model.phase
    pattern_sigmas = 0.0
    if with_pattern:
        aligned, pattern_sigmas = _without_pattern(aligned, data, model, rest)
    moment = smooth(model.moment)
    alone = grid.total(aligned.real * model.size)
    together = smooth(alone)
    # Nothing in common: variance ½ per look of a whitened mode's real part; a full plane counts each mode twice.
    scatter = np.sqrt(smooth(model.moment * data.first * data.second) / looks)
    used = (together > RING_SIGMAS * scatter) & (grid.count > 0) & (moment > 0)
    power = np.where(used, together / np.where(moment > 0, moment, 1.0), 0.0)
    # Where the spectrum falls steeply, a ring is not credited with its neighbours' signal beyond its own by 2σ.
    own = np.where(model.moment > 0, model.moment, 1.0)
    power = np.minimum(power, np.maximum(alone + 2 * np.sqrt(own * data.first * data.second / looks), 0) / own)
    noise_first = np.maximum(data.first - power * model.mean_first, 0.01 * data.first)
    noise_second = np.maximum(data.second - power * model.mean_second, 0.01 * data.second)
    signal = grid.spread(power)
    whole = signal * model.power_first + grid.spread(noise_first)
    whole *= signal * model.power_second + grid.spread(noise_second)
    np.sqrt(whole, out=whole)
    gamma = np.minimum(signal * model.size / whole, np.float32(0.995))
    aligned /= whole
    mean_gamma = smooth(grid.total(gamma)) / np.maximum(smooth(grid.count), 1)
    plain = together / np.maximum(np.sqrt(moment * smooth(grid.count)), 1e-30)
    ring_gamma = np.clip(np.where(used, mean_gamma, plain), -1, 1)
    return Signal(gamma, aligned, used, ring_gamma, pattern_sigmas)


def _without_pattern(
    aligned: ComplexPlane, data: Measured, model: Expected, rest: NDArray[np.float64]
) -> tuple[ComplexPlane, float]:
    """The aligned cross-spectrum less a white camera pattern of zero shift, and how many sigmas of it there are.

    Ring by ring aligned = S·|M| + G·e^{iφ}, φ the phase of a zero shift after alignment; least squares for S and G.
    One G serves all rings: what a gain reference leaves over is white, and rings full of specimen say little about it.
    Where the two can't be told apart (shift near zero, no model) nothing is taken out.
    """
    grid = data.grid
    total = rest + data.spectra.whole
    if np.hypot(*total) > PATTERN_REACH_PX:
        return aligned, 0.0
    turn = ramp(grid, total)
    gg = grid.count
    if data.pattern is not None:
        turn *= data.pattern
        gg = grid.total(turn.real**2 + turn.imag**2)
    if model.phase is not None:
        turn *= model.phase
    ss, sg = model.moment, grid.total(model.size * turn.real)
    s_data = grid.total(model.size * aligned.real)
    g_data = grid.total(aligned.real * turn.real + aligned.imag * turn.imag)
    determinant = ss * gg - sg * sg
    apart = determinant > 0.1 * ss * gg
    if not apart.any():
        return aligned, 0.0
    level, power = data.level[apart], (data.first * data.second)[apart]
    each = (ss * g_data - sg * s_data)[apart] / determinant[apart] * level
    # A strong specimen scatters too (speckle): up to twice the variance of noise alone.
    variance = 2 * power * level**2 * ss[apart] / determinant[apart] / data.spectra.looks
    pattern = float((each / variance).sum() / (1 / variance).sum())
    sigmas = pattern * float(np.sqrt((1 / variance).sum()))
    if sigmas > PATTERN_SIGMAS:
        aligned = aligned - grid.spread(pattern / data.level) * turn
    return aligned, sigmas
