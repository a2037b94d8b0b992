"""The maximum-likelihood shift of a pair, from its averaged spectra, with its covariance.

The shift maximises Σ w Re[C M̄/|M| e^{2πi q·s}], w = γ/(1−γ²), over the whitened cross-spectrum C, by Newton steps; γ
comes from coherence.py. Knapp & Carter, IEEE Trans. ASSP 24 (1976) 320-327, for the weights. The covariance is the
sandwich H⁻¹JH⁻¹: H the curvature, J the scatter of the gradient as the images themselves show it, so that a model that
fits badly makes the error larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray

from eucentric.correlation.coherence import Expected, Measured, Plane, Signal, expected, fit_signal, measured, ramp
from eucentric.correlation.pattern import PATTERN_SIZE_PX, PatternPlace
from eucentric.correlation.rings import Rings, rings, smooth
from eucentric.correlation.shift import Coherence
from eucentric.correlation.tiles import TileSpectra
from eucentric.correlation.whiten import signal_weight
from eucentric.optics.pair import PairOptics, search_phase
from eucentric.optics.stretch import stretch_of

ROUNDS = 5
NEWTON_STEPS = 8
LONGEST_STEP_PX = 0.4
CONVERGED_PX = 2e-3
"""A round that moves the shift less than this (or less than a tenth of its error) is the last."""
MODEL_STEP = 0.3
"""The model is made again when the defocus that the shift says moved by this many of its sigmas."""


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Shift (y, x) in pixels, covariance (2, 2) px², coherence per ring, and the fixed pattern's part.

    `evidence` is what the specimen's model explains, in nats; `pattern_evidence` what a fixed pattern alone at zero
    shift would, over the same modes.
    """

    shift_px: tuple[float, float]
    covariance_px2: NDArray[np.float64]
    coherence: Coherence
    evidence: float
    pattern_evidence: float
    pattern_sigmas: float

    def outdoes(self, at_zero: Refined) -> bool:
        """Whether a specimen here and a pattern at zero explain more than a specimen at zero with its side maxima."""
        return self.evidence + self.pattern_evidence > at_zero.evidence


def refine(
    spectra: TileSpectra,
    pair: PairOptics | None,
    *,
    reach_px: float,
    without_zero: bool = False,
    pattern_rms: float | None = None,
    place: PatternPlace | None = None,
) -> Refined | None:
    """The shift within `reach_px` of the whole pixels already taken out; None when no ring holds any signal.

    `without_zero` leaves out the place of a camera's fixed pattern; `pattern_rms` is the strongest such pattern to
    reckon with, in units of the pixels, white, unless the finest rings show a stronger one (None: of any spectrum).
    `place` is where the pattern went when the images were un-stretched (None: it is at zero shift).
    """
    side = min(spectra.shape)
    grid = rings(*spectra.shape)
    place = place or PatternPlace()
    data = measured(spectra, grid, place.seen(grid, spectra.whole))
    rest = _nearest_peak(data, pair, reach_px, place if without_zero else None)
    covariance = np.diag([0.5, 0.5])
    model: Expected | None = None
    at = sigma = 0.0
    for turn in range(ROUNDS):
        c1, c1_sigma = _defocus(pair, rest + spectra.whole, covariance)
        if model is None or abs(c1 - at) > MODEL_STEP * c1_sigma or c1_sigma < 0.5 * sigma:
            model = expected(grid, pair, c1_m=c1, c1_sigma_m=c1_sigma, side=side)
            at, sigma = c1, c1_sigma
        signal = fit_signal(data, model, rest, with_pattern=turn > 0)
        if not signal.used.any():
            return None
        step, covariance = _newton(signal, grid, spectra.efficiency)
        rest = rest + step
        if turn > 0 and np.hypot(*step) < max(CONVERGED_PX, 0.1 * np.sqrt(np.trace(covariance))):
            break
    return _result(data, signal, rest + spectra.whole, covariance, pattern_rms)


def _nearest_peak(
    data: Measured, pair: PairOptics | None, reach_px: float, without: PatternPlace | None
) -> NDArray[np.float64]:
    """Where the full-resolution correlation of the tiles is highest, (y, x) from the whole pixels taken out.

    Not where the camera's pattern is, if its place is given. The search may have been on reduced images, a few pixels
    off: too far for Newton steps on fine detail.
    """
    ny, nx = data.spectra.shape
    cross = data.cross * (data.grid.multiplicity > 0)
    if pair is not None:
        cross *= search_phase(data.grid.qy, data.grid.qx, pair)
    weight = signal_weight(data.first * data.level, data.grid) * signal_weight(data.second * data.level, data.grid)
    values = sf.irfft2(cross * data.grid.spread(np.sqrt(weight)), s=(ny, nx))
    reach = min(int(np.ceil(reach_px)), (min(ny, nx) - 1) // 2)
    lags = np.arange(-reach, reach + 1)
    near = values[np.ix_(lags % ny, lags % nx)]
    if without is not None:
        away = without.distance(lags[:, None] + data.spectra.whole[0], lags[None] + data.spectra.whole[1])
        near[away <= PATTERN_SIZE_PX] = near.min()
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    return np.array([lags[row] + _vertex(near[:, column], row), lags[column] + _vertex(near[row], column)])


def _vertex(line: NDArray[np.float32], top: np.intp) -> float:
    """Where between the pixels a parabola through the three points around `top` has its maximum."""
    if not 0 < top < line.size - 1:
        return 0.0
    below, middle, above = (float(v) for v in line[top - 1 : top + 2])
    bend = below - 2 * middle + above
    return 0.5 * (below - above) / bend if bend < 0 else 0.0


def _defocus(
    pair: PairOptics | None, shift: NDArray[np.float64], covariance: NDArray[np.float64]
) -> tuple[float, float]:
    """C1 that the shift says, at the middle of the overlap, and how well it is known within the image: (m, m)."""
    if pair is None:
        return 0.0, 0.0
    at = (float(shift[0]), float(shift[1]))
    stretch = stretch_of(pair)
    if stretch is None:
        c1 = pair.defocus_of(at)
    else:
        centre = stretch.at_centre(at)
        away = stretch.mean_displacement(centre)
        c1 = pair.defocus_of(centre) - pair.pixel_m * (pair.slope[0] * away[0] + pair.slope[1] * away[1])
    scatter = float(np.sqrt(np.trace(covariance))) * pair.pixel_m / pair.separation_rad
    return c1, float(np.sqrt(pair.defocus_sigma_m**2 + (0.01 * c1) ** 2 + scatter**2))


def _newton(signal: Signal, grid: Rings, efficiency: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton steps on Σ w Re[C e^{2πi q·s}]; the step (y, x) in pixels and its sandwich covariance.

    The curvature is the images' own, Σ w Re[C …]qqᵀ: streaks, drift blur and a wrong envelope are in it. The model's,
    Σ w γ qqᵀ, serves where noise leaves no maximum.
    """
    weight = grid.multiplicity * signal.gamma / (1 - signal.gamma**2)
    modelled = _moments(grid, weight * signal.gamma)
    step, move, seen = np.zeros(2), np.zeros(2), signal.aligned
    for _ in range(NEWTON_STEPS):
        curvature = _moments(grid, weight * seen.real)
        if np.linalg.eigvalsh(curvature)[0] <= 0:
            curvature = modelled
        inverse = np.linalg.pinv(curvature)
        pull = weight * seen.imag
        move = inverse @ np.array([-grid.qy[:, 0] @ pull.sum(axis=1), -grid.qx[0] @ pull.sum(axis=0)]) * 2 * np.pi
        move *= min(1.0, LONGEST_STEP_PX / max(float(np.hypot(*move)), 1e-12))
        step += move
        seen = signal.aligned * ramp(grid, step)
        if np.hypot(*move) < 1e-3:
            break
    scatter = _moments(grid, (weight * seen.imag) ** 2)
    # A taper makes neighbouring modes depend on each other: fewer are independent than are summed. What the last step
    # still moved is not known better.
    return step, np.asarray(inverse @ scatter @ inverse / efficiency + np.outer(move, move))


def _moments(grid: Rings, values: Plane) -> NDArray[np.float64]:
    """Σ values (2πq)(2πq)ᵀ over the half plane, (2, 2) in (y, x), rad²/pixel²."""
    qy, qx = grid.qy[:, 0].astype(np.float64), grid.qx[0].astype(np.float64)
    cross = float(qy @ (values @ grid.qx[0]))
    return (2 * np.pi) ** 2 * np.array(
        [[float(qy**2 @ values.sum(axis=1)), cross], [cross, float(qx**2 @ values.sum(axis=0))]]
    )


def _result(
    data: Measured,
    signal: Signal,
    shift: NDArray[np.float64],
    covariance: NDArray[np.float64],
    pattern_rms: float | None,
) -> Refined:
    """Everything that the last round says, with the evidence for the specimen and for a fixed pattern."""
    grid, spectra = data.grid, data.spectra
    noise = 1 / np.sqrt(np.maximum(smooth(grid.count) * spectra.looks, 1.0))
    seen = grid.multiplicity * signal.gamma
    specimen = 0.5 * spectra.looks * float((seen * (2 * signal.aligned.real - signal.gamma)).sum())
    back, modes = ramp(grid, -np.array(spectra.whole, float)), grid.count
    if data.pattern is not None:
        back *= np.conj(data.pattern)
        modes = grid.total(back.real**2 + back.imag**2)
    unshifted = smooth(grid.total((data.cross * back).real))
    at_zero = np.clip(unshifted / np.maximum(smooth(modes), 1), 0, 0.99)
    upper = (grid.count > 0) & (grid.centre > 0.25)
    white = float(np.median((at_zero * data.level)[upper])) if upper.any() else 0.0
    cells = spectra.shape[0] * spectra.shape[1]
    most = np.inf if pattern_rms is None else max(pattern_rms**2 * spectra.window_power * cells, white)
    pattern = np.minimum(at_zero, most / data.level)
    return Refined(
        shift_px=(float(shift[0]), float(shift[1])),
        covariance_px2=covariance,
        coherence=Coherence(grid.centre, signal.ring_gamma, noise, signal.used),
        evidence=specimen,
        pattern_evidence=0.5 * spectra.looks * float((modes * pattern * (2 * at_zero - pattern)).sum()),
        pattern_sigmas=signal.pattern_sigmas,
    )
