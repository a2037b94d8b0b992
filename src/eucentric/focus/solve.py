"""From tilts and shifts to defocus: one weighted least-squares fit with the priors of calibration and motion.

C1 is free; what else moves the images has a prior (forward.py). The posterior covariance of such a fit is the total
one; passing the covariance of the shifts alone through the same estimator gives the statistical one.
Koster, van den Bos & van der Mast, Ultramicroscopy 21 (1987) 209-222.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError
from eucentric.focus.design import Model, jacobian, posterior, prior_precision, second_order
from eucentric.focus.forward import C1_STEP_M, FREE, GROUPS, Array, Forward, prior_sigmas
from eucentric.focus.measurement import Contribution, Measurement
from eucentric.focus.patterns import Link
from eucentric.optics.aberrations import Aberrations, Tilt, direction, image_shift

_ROUNDS = 3  # Gauss-Newton rounds: the model is linear but for small products, the second round converges
_STILL = 1e-9  # a step by so little of a prior's 1σ, or of C1's, is none


@dataclass(frozen=True, slots=True, eq=False)
class LinkShift:
    """The shift (y, x) in metres at the specimen of image `link[1]` relative to `link[0]`, with its covariance.

    `model_sigma_m` (1σ per component) is what no noise explains: interpolation, optics that no model has. It is no part
    of the statistical error, but weighs and judges with it: shifts known to a thousandth of a pixel would refuse any
    model.
    """

    link: Link
    shift_m: tuple[float, float]
    covariance_m2: Array  # (2, 2) in (y, x)
    model_sigma_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Exposures:
    """The tilts (y, x) from the coma-free axis as believed, and when each image was taken (s)."""

    tilts: tuple[Tilt, ...]
    times_s: tuple[float, ...]


def solve(exposures: Exposures, shifts: tuple[LinkShift, ...], *, c3_m: float, prior: Uncertainty) -> Measurement:
    """The defocus that explains the shifts, with its errors.

    Raises InputError when there is no shift, or the compared images have the same tilt.
    """
    fit = _setup(exposures, shifts, c3_m, prior)
    sigma = prior_sigmas(prior)
    observed = np.array([s.shift_m for s in shifts], dtype=np.float64).ravel()  # (2·links,) in (y, x)
    statistical = _block_diagonal([s.covariance_m2 for s in shifts])

    def model(scaled: Array) -> Array:
        return fit.shifts(scaled * sigma)

    start = np.zeros(sigma.size)
    start[0] = _first_guess(fit, observed) / C1_STEP_M
    unmodelled = np.diag(np.repeat([s.model_sigma_m**2 for s in shifts], 2))
    axis = second_order(model, start)
    noise = np.asarray(statistical + unmodelled + axis, dtype=np.float64)
    weight = np.asarray(np.linalg.inv(noise), dtype=np.float64)
    best, design = _gauss_newton(model, start, observed, weight)
    left = posterior(design, noise)
    gain = left.gain  # (parameters, 2·links)
    residual = observed - model(best)
    chi2 = float(residual @ weight @ residual + best[FREE:] @ best[FREE:])
    values = best * sigma
    known = left.total[:3, :3] * np.outer(sigma[:3], sigma[:3])  # of C1, a, b
    errors = np.sqrt(np.diag(known))
    vy, vx = values[GROUPS["drift"]]
    return Measurement(
        c1_m=float(values[0]),
        sigma_m=float(np.sqrt(gain[0] @ statistical @ gain[0]) * C1_STEP_M),
        total_sigma_m=float(errors[0]),
        a1_m=(float(values[1]), float(values[2])),
        a1_sigma_m=(float(errors[1]), float(errors[2])),
        drift_m_per_s=(float(vy), float(vx)),
        chi2=chi2,
        dof=observed.size - FREE,
        tilts=exposures.tilts,
        budget=_budget(gain[0], design, {"noise": statistical, "registration": unmodelled, "coma-free axis": axis}),
        covariance_m2=tuple(tuple(float(v) for v in row) for row in known),
        misfits=_misfits(residual + design[:, FREE:] @ best[FREE:], design[:, FREE:], noise),
    )


def predicted_shifts(exposures: Exposures, links: tuple[Link, ...], lens: Aberrations) -> Array:
    """The shifts (links, 2) in (y, x) metres that a lens makes between the linked images, without drift."""
    position = image_shift(np.array([direction(t) for t in exposures.tilts]), lens)
    difference = np.array([position[j] - position[i] for i, j in links])
    return np.stack([difference.imag, difference.real], axis=-1)


def _setup(exposures: Exposures, shifts: tuple[LinkShift, ...], c3_m: float, prior: Uncertainty) -> Forward:
    if not shifts:
        raise InputError("No shift to compute defocus from. Take at least two images at different beam tilts.")
    fit = Forward(
        omega=np.array([direction(t) for t in exposures.tilts]),
        times=np.array(exposures.times_s, dtype=np.float64),
        first=np.array([s.link[0] for s in shifts]),
        second=np.array([s.link[1] for s in shifts]),
        c3_m=c3_m,
        decay_s=prior.first_motion_s,
    )
    if not np.any(np.abs(fit.omega[fit.second] - fit.omega[fit.first]) > 0):
        raise InputError(
            "The compared images have the same beam tilt, so their shift says nothing about focus. "
            "Give the two images different tilts."
        )
    return fit


def _first_guess(fit: Forward, observed: Array) -> float:
    """C1 from the shifts along the separations alone: Σ d·Δβ / Σ |Δβ|², C3 taken off."""
    separation = fit.omega[fit.second] - fit.omega[fit.first]
    shift = observed[1::2] + 1j * observed[0::2]
    spherical = image_shift(fit.omega, Aberrations(c3_m=fit.c3_m))
    shift = shift - (spherical[fit.second] - spherical[fit.first])
    return float(np.sum((shift * np.conj(separation)).real) / np.sum(np.abs(separation) ** 2))


def _gauss_newton(model: Model, start: Array, observed: Array, weight: Array) -> tuple[Array, Array]:
    """Parameters (scaled) at the minimum of residual² + prior², and the Jacobian there."""
    precision = prior_precision(start.size)
    at, design = start, jacobian(model, start)
    for _ in range(_ROUNDS):
        gradient = design.T @ weight @ (observed - model(at)) - precision @ at
        step = np.linalg.solve(design.T @ weight @ design + precision, gradient)
        if np.max(np.abs(step)) < _STILL:  # as where a measurement is predicted from its own model
            break
        at = at + step
        design = jacobian(model, at)
    return at, design


def _misfits(off: Array, design: Array, noise: Array) -> tuple[float, ...]:
    """V^(−½)·off for what is off a defocus alone, V = noise + DDᵀ its whole covariance (scaled priors have σ = 1)."""
    size, axes = np.linalg.eigh(noise + design @ design.T)
    return tuple(float(v) for v in axes @ ((axes.T @ off) / np.sqrt(size)))


def _budget(gain: Array, design: Array, covariances: dict[str, Array]) -> tuple[Contribution, ...]:
    """What each source puts on C1; the variances add up to the total (the gain is the optimal one).

    `covariances` of the shifts by source; the axis has a part there (second order) and one as a parameter.
    """
    variances = {name: float(gain @ covariance @ gain) for name, covariance in covariances.items()}
    for name, columns in GROUPS.items():
        variances[name] = variances.get(name, 0.0) + float(np.sum((gain @ design[:, columns]) ** 2))
    return tuple(Contribution(name, float(np.sqrt(max(v, 0.0))) * C1_STEP_M) for name, v in variances.items())


def _block_diagonal(blocks: list[Array]) -> Array:
    whole = np.zeros((2 * len(blocks), 2 * len(blocks)))
    for index, block in enumerate(blocks):
        whole[2 * index : 2 * index + 2, 2 * index : 2 * index + 2] = block
    return whole
