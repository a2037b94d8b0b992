"""The maximum-likelihood shift of a pair, from its averaged spectra, with its covariance.

Per ring the signal power P and the noises N₁, N₂ are fitted to cross-spectrum and powers through the pair's model M
(1 without optics); γ = P|M| / √((P|T₁|² + N₁)(P|T₂|² + N₂)) then varies within the ring as the Thon rings do. The shift
maximises Σ w Re[C M̄/|M| e^{2πi q·s}], w = γ/(1−γ²) over the whitened spectrum, by Newton steps. Knapp & Carter,
IEEE Trans. ASSP 24 (1976) 320-327, for the weights. The covariance is the sandwich H⁻¹JH⁻¹: H the curvature, J the
scatter of the gradient as the images themselves show it, so that a model that fits badly makes the error larger.
A fixed pattern of the camera shares the spectrum with known phase (no shift at all): it is fitted ring by ring beside
the specimen and taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.correlation.rings import Rings, rings, smooth
from eucentric.correlation.shift import Coherence
from eucentric.correlation.tiles import TileSpectra
from eucentric.optics.pair import PairModel, PairOptics, pair_model

Plane = NDArray[np.float32]

ROUNDS = 4
NEWTON_STEPS = 6
RING_SIGMAS = 2.5
"""A ring whose signal is less than this many of its own sigmas carries no weight."""
PATTERN_REACH_PX = 48
"""Up to this shift the camera's pattern is fitted; beyond, its phase turns so fast in a ring that it averages out."""
CELL_SIGMA = 0.4
"""rms width of a frequency cell in units of 1/side: that of a lightly tapered window."""


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Shift (y, x) in pixels, covariance (2, 2) px², coherence per ring, and the fixed pattern's part.

    `evidence` is Σ ln 1/(1−γ²)-like gain of the specimen's model in nats; `pattern_evidence` that of a fixed pattern
    alone at zero shift, over the same modes. `common_rms` is the contrast that both images share, pixel units.
    """

    shift_px: tuple[float, float]
    covariance_px2: NDArray[np.float64]
    coherence: Coherence
    evidence: float
    pattern_evidence: float
    pattern_sigmas: float
    common_rms: float


@dataclass(frozen=True, slots=True, eq=False)
class _Signal:
    """Ring-wise signal expressed mode by mode: γ, the whitening of the cross-spectrum, its model phase taken out."""

    gamma: Plane
    aligned: NDArray[np.complex64]
    ring_gamma: NDArray[np.float64]
    ring_noise: NDArray[np.float64]
    level: NDArray[np.float64]
    used: NDArray[np.bool_]
    pattern_sigmas: float


def refine(spectra: TileSpectra, pair: PairOptics | None, start_px: tuple[float, float]) -> Refined | None:
    """The shift near `start_px`; None when no ring holds any signal."""
    side = min(spectra.shape)
    grid = rings(*spectra.shape, max(2.5 / side, 1 / 128), 2.5 / side)
    rest = np.array(start_px, float) - spectra.whole
    covariance = np.diag([1.0, 1.0])
    signal: _Signal | None = None
    for _ in range(ROUNDS):
        model = _model(grid, pair, rest + spectra.whole, covariance, side)
        signal = _signal(spectra, grid, model, rest)
        if not signal.used.any():
            return None
        step, covariance = _newton(signal, grid, spectra.efficiency)
        rest = rest + step
        if np.hypot(*step) < 1e-3:
            break
    assert signal is not None
    coherence = Coherence(grid.centre, signal.ring_gamma, signal.ring_noise, signal.used)
    evidence, pattern = _evidence(spectra, grid, signal)
    shift = rest + spectra.whole
    common = float((signal.ring_gamma * grid.count)[signal.used] @ signal.level[signal.used])
    pixels = spectra.shape[0] * spectra.shape[1]
    return Refined(
        shift_px=(float(shift[0]), float(shift[1])),
        covariance_px2=covariance,
        coherence=coherence,
        evidence=evidence,
        pattern_evidence=pattern,
        pattern_sigmas=signal.pattern_sigmas,
        common_rms=float(np.sqrt(max(common, 0.0) / spectra.window_power)) / pixels,
    )


def _model(
    grid: Rings, pair: PairOptics | None, shift: NDArray[np.float64], covariance: NDArray[np.float64], side: int
) -> PairModel | None:
    """The pair's model at the defocus that the shift so far says."""
    if pair is None:
        return None
    c1 = pair.defocus_of((float(shift[0]), float(shift[1])))
    scatter = float(np.sqrt(np.trace(covariance))) * pair.pixel_m / pair.separation_rad
    sigma = float(np.hypot(np.hypot(pair.defocus_sigma_m, 0.01 * c1), scatter))
    return pair_model(grid.qy, grid.qx, pair, c1_m=c1, c1_sigma_m=sigma, frequency_sigma=CELL_SIGMA / side)


def _ramp(grid: Rings, shift: NDArray[np.float64]) -> NDArray[np.complex64]:
    """e^{2πi q·s} on the half plane."""
    rows = np.exp(2j * np.pi * grid.qy * shift[0]).astype(np.complex64)
    return np.asarray(rows * np.exp(2j * np.pi * grid.qx * shift[1]).astype(np.complex64))


def _level(spectra: TileSpectra, grid: Rings) -> NDArray[np.float64]:
    """Geometric mean of both images' power per ring."""
    return np.sqrt(_filled(grid.mean(spectra.power_first)) * _filled(grid.mean(spectra.power_second)))


def _filled(per_ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, with 1 for rings without a mode in use, so that dividing by it is safe."""
    return np.where(per_ring > 0, per_ring, 1.0)


def _signal(spectra: TileSpectra, grid: Rings, model: PairModel | None, rest: NDArray[np.float64]) -> _Signal:
    """Fit P, N₁, N₂ (and the fixed pattern) per ring; whiten and align the cross-spectrum."""
    aligned = spectra.cross * _ramp(grid, rest)
    if model is None:
        size = power_a = power_b = np.ones_like(spectra.power_first)
    else:
        size = np.abs(model.cross)
        aligned = aligned * (np.conj(model.cross) / np.maximum(size, 1e-12))
        power_a, power_b = model.power_first, model.power_second
    aligned, pattern_sigmas = _without_pattern(aligned, spectra, grid, model, rest)
    powers = (spectra.power_first, spectra.power_second)
    mean_a, mean_b = (_filled(grid.mean(p)) for p in powers)
    moment = smooth(grid.total(size * size))
    together = smooth(grid.total(aligned.real * size))
    # Nothing in common: variance ½ N₁N₂ per look of a mode's real part; a full plane counts each mode twice.
    scatter = np.sqrt(smooth(grid.total(size * size) * mean_a * mean_b) / spectra.looks)
    used = (together > RING_SIGMAS * scatter) & (grid.count > 0) & (moment > 0)
    power = np.where(used, together / np.maximum(moment, 1e-30), 0.0)
    noise_a = np.maximum(mean_a - power * grid.mean(power_a), 0.01 * mean_a)
    noise_b = np.maximum(mean_b - power * grid.mean(power_b), 0.01 * mean_b)
    signal_here = grid.spread(power)
    whole = np.sqrt((signal_here * power_a + grid.spread(noise_a)) * (signal_here * power_b + grid.spread(noise_b)))
    gamma = np.minimum(signal_here * size / whole, 0.995)
    level = _level(spectra, grid)
    ring_gamma = smooth(grid.total(aligned.real)) / np.maximum(smooth(grid.count * level), 1e-30)
    ring_noise = 1 / np.sqrt(np.maximum(smooth(grid.count) * spectra.looks, 1.0))
    return _Signal(
        gamma=np.asarray(gamma, np.float32),
        aligned=np.asarray(aligned / whole, np.complex64),
        ring_gamma=ring_gamma,
        ring_noise=ring_noise,
        level=level,
        used=used,
        pattern_sigmas=pattern_sigmas,
    )


def _without_pattern(
    aligned: NDArray[np.complex64],
    spectra: TileSpectra,
    grid: Rings,
    model: PairModel | None,
    rest: NDArray[np.float64],
) -> tuple[NDArray[np.complex64], float]:
    """The aligned cross-spectrum less a camera pattern of zero shift, and how many sigmas of it there are.

    Ring by ring aligned = S·|M| + G·e^{iφ}, φ the phase of a zero shift after alignment; least squares for S and G.
    Where the two can't be told apart (shift near zero, no model) nothing is taken out.
    """
    total = rest + spectra.whole
    if np.hypot(*total) > PATTERN_REACH_PX:
        return aligned, 0.0
    size = np.ones_like(spectra.power_first) if model is None else np.abs(model.cross)
    turn = _ramp(grid, total)
    if model is not None:
        turn = turn * (np.conj(model.cross) / np.maximum(size, 1e-12))
    ss, gg = smooth(grid.total(size * size)), smooth(grid.count)
    sg = smooth(grid.total(size * turn.real))
    s_data, g_data = smooth(grid.total(size * aligned.real)), smooth(grid.total((aligned * np.conj(turn)).real))
    determinant = ss * gg - sg * sg
    apart = determinant > 0.1 * ss * gg
    g = np.where(apart, (ss * g_data - sg * s_data) / np.where(apart, determinant, 1.0), 0.0)
    level = _level(spectra, grid)
    error = level * np.sqrt(ss / np.where(apart, determinant, 1.0) / spectra.looks)
    independent = 5  # rings in one running sum
    sigmas = float(np.sum(np.where(apart, g / error, 0.0)) / np.sqrt(max(apart.sum(), 1) * independent))
    keep = np.where(apart & (g > 2 * error), g, 0.0)
    return aligned - grid.spread(keep) * turn, sigmas


def _newton(signal: _Signal, grid: Rings, efficiency: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton steps on Σ w Re[C e^{2πi q·s}]; the step (y, x) in pixels and its sandwich covariance."""
    rows, columns = np.nonzero((signal.gamma > 0) & (grid.multiplicity > 0))
    gamma = signal.gamma[rows, columns].astype(np.float64)
    data = signal.aligned[rows, columns].astype(np.complex128)
    modes = grid.multiplicity[rows, columns].astype(np.float64)
    q = 2 * np.pi * np.stack([grid.qy[rows, 0], grid.qx[0, columns]]).astype(np.float64)  # (2, modes), rad/pixel
    weight = modes * gamma / (1 - gamma**2)
    curvature = np.asarray((q * (weight * gamma)) @ q.T)
    inverse = np.linalg.pinv(curvature)
    step = np.zeros(2)
    turned = data
    for _ in range(NEWTON_STEPS):
        move = inverse @ (q @ (-weight * turned.imag))
        move *= min(1.0, 0.4 / max(float(np.hypot(*move)), 1e-12))
        step += move
        turned = data * np.exp(1j * (step @ q))
        if np.hypot(*move) < 1e-4:
            break
    scatter = np.asarray((q * (weight * turned.imag) ** 2) @ q.T)
    # A taper makes neighbouring modes depend on each other: fewer are independent than are summed.
    return step, np.asarray(inverse @ scatter @ inverse / efficiency)


def _evidence(spectra: TileSpectra, grid: Rings, signal: _Signal) -> tuple[float, float]:
    """Nats that the specimen's model explains, and that a free fixed pattern at zero shift would."""
    seen = spectra.looks * 0.5 * grid.multiplicity
    gamma = signal.gamma
    specimen = float((seen * gamma * (2 * signal.aligned.real - gamma)).sum())
    level = _level(spectra, grid)
    white = spectra.cross * _ramp(grid, -np.array(spectra.whole, float)) / grid.spread(level)
    pattern = np.clip(smooth(grid.total(white.real)) / np.maximum(smooth(grid.count), 1), 0, 0.99)
    return specimen, float((spectra.looks * 0.5 * grid.count * pattern**2).sum())
