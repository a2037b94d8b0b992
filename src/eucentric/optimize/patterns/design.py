"""How well a tilt pattern tells what is asked, from its design matrix: C1, astigmatism, the coma-free axis. Pure.

The criterion (A-optimality: the trace of the posterior covariance of what is asked, in units that compare) is the mean
square over all directions of what W is off by at one scattering angle θ, told as defocus, 2W/θ²:

    Var C1 + ½(Var a + Var b) + 2 C3² θ² (Var x + Var y)

C1 counts in every direction, an astigmatism a as a·cos 2φ, and an axis off by ω0 as coma B2 = −C3·ω̄0, 2|B2|θ·cos φ;
the mixed terms have no mean. It is the same for a pattern that is turned. Everything else that the fit of focusing
knows (drift, first motion, scale, rotation and lag of the tilts, Cs …) is unknown with its prior, and is not counted.

Compared are two images at tilts of equal size, each image once. Of unequal sizes the even parts of the aberrations
differ in defocus, 2C3Δ|β|²: there images stop looking alike. Of equal ones they differ in astigmatism,
C3(β₂² − β₁²): nothing for opposite tilts, which is why focusing compares those alone, and where only C1 and A1 are
asked so does the search. But opposite tilts do not feel the axis (to first order), so where it is asked any two
directions may be compared; what that costs in coherence is in the shift's σ. An image compared once has errors of its
own; one compared twice would tie the errors of two shifts together, which the fit does not know. So images are even in
number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.design import jacobian, posterior, second_order
from eucentric.focus.forward import C1_STEP_M, GROUPS, Array, Complex, Forward, prior_sigmas
from eucentric.focus.patterns import Pattern
from eucentric.focus.stigmator import UNKNOWN_A1_M
from eucentric.optics.aberrations import direction
from eucentric.optimize.patterns.link import Apart, LinkSigma

UNKNOWN_AXIS_RAD = 0.3e-3
"""Prior of each component of the axis where it is what is asked for: a microscope aligned by eye."""
_TOLD = 0.5  # of the prior's variance at most is left of what a pattern tells
_SAME = 1e-6  # of a tilt or an angle: no difference


class Aim(StrEnum):
    """What a pattern is to tell."""

    C1 = "c1"
    C1_A1 = "c1+a1"
    C1_A1_COMA = "c1+a1+coma"

    @property
    def opposite(self) -> bool:
        """Whether opposite tilts tell it all."""
        return self is not Aim.C1_A1_COMA

    @property
    def words(self) -> str:
        """For people."""
        told = {Aim.C1: "defocus", Aim.C1_A1: "defocus and astigmatism"}
        return told.get(self, "defocus, astigmatism and the coma-free axis")


Noise = Callable[[float, Apart], LinkSigma]
"""1σ of the shift between images at two tilts, at C1 in metres."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a pattern is to tell it: C1 of the images, Cs, time from image to image, what is believed before.

    `c1_m` are values of C1 that stand for where it may be; what is told is the mean over them. (Two at ±1σ are exact
    for what grows with C1, as the error of a tilt does.) `angle_rad` is θ of the criterion. `offset_sigma_m` is an
    error of C1 that no pattern tells: that of the lens' offset that is taken back. What is asked for is taken for
    unknown (`UNKNOWN_A1_M`, `UNKNOWN_AXIS_RAD`) where the prior is better: it would not be asked for else. But it is
    reckoned with none there: an A1 of 1 µm, times what the tilts are off by, would put 2 nm on C1.
    """

    aim: Aim
    c1_m: tuple[float, ...]
    c3_m: float
    interval_s: float
    prior: Uncertainty
    noise: Noise
    angle_rad: float
    offset_sigma_m: float = 0.0

    @property
    def believed(self) -> Uncertainty:
        """The prior, with what is asked for unknown."""
        a1_m = self.prior.a1_m if self.aim is Aim.C1 else max(self.prior.a1_m, UNKNOWN_A1_M)
        axis = self.prior.axis_rad if self.aim.opposite else max(self.prior.axis_rad, UNKNOWN_AXIS_RAD)
        return replace(self.prior, a1_m=a1_m, axis_rad=axis)


@dataclass(frozen=True, slots=True)
class Told:
    """What a pattern tells: 1σ in metres and radians, astigmatism and axis per component (the worse one's), None where
    it is hardly better known than before. `error_m` is the criterion's root.
    """

    error_m: float
    c1_statistical_m: float
    c1_total_m: float
    a1_m: float | None
    axis_rad: float | None


def told(plan: Pattern, conditions: Conditions) -> Told:
    """What a pattern tells under these conditions."""
    omega, links = as_arrays(plan)
    left = _left(omega, links, conditions)
    offset = conditions.offset_sigma_m
    return Told(
        error_m=math.sqrt(float(_criterion(left, conditions)[0])),
        c1_statistical_m=math.sqrt(float(left.c1_statistical[0])),
        c1_total_m=math.hypot(math.sqrt(float(left.covariance[0, 0, 0])), offset),
        a1_m=_worst(left.covariance[0, 1:3, 1:3], conditions.believed.a1_m),
        axis_rad=_worst(left.covariance[0, 3:, 3:], conditions.believed.axis_rad),
    )


def covariance(plan: Pattern, conditions: Conditions) -> Array:
    """What a pattern leaves unknown: covariance (5, 5) of C1, a, b (m) and the axis' y and x (rad)."""
    return np.asarray(_left(*as_arrays(plan), conditions).covariance[0])


def criteria(omega: Complex, links: NDArray[np.intp], conditions: Conditions) -> Array:
    """The criterion (patterns,), m², of many: tilts (patterns, images), compared images (patterns, links, 2)."""
    return _criterion(_left(omega, links, conditions), conditions)


def as_arrays(plan: Pattern) -> tuple[Complex, NDArray[np.intp]]:
    """A pattern as tilts (1, images) and compared images (1, links, 2)."""
    return np.array([[direction(t) for t in plan.tilts]]), np.array([plan.links])


@dataclass(frozen=True, slots=True, eq=False)
class _Left:
    """Covariance (patterns, 5, 5) of C1, a, b, axis y, x in SI units, and the statistical variance of C1."""

    covariance: Array
    c1_statistical: Array


def criterion_weights(conditions: Conditions) -> tuple[float, ...]:
    """How the variances of C1, a, b (m²) and of the axis' y and x (rad²) count in the criterion (m²)."""
    coma = 2 * (conditions.c3_m * conditions.angle_rad) ** 2
    return {
        Aim.C1: (1.0, 0.0, 0.0, 0.0, 0.0),
        Aim.C1_A1: (1.0, 0.5, 0.5, 0.0, 0.0),
        Aim.C1_A1_COMA: (1.0, 0.5, 0.5, coma, coma),
    }[conditions.aim]


def _criterion(left: _Left, conditions: Conditions) -> Array:
    variances = np.diagonal(left.covariance, axis1=-2, axis2=-1)
    return np.asarray(variances @ np.array(criterion_weights(conditions)) + conditions.offset_sigma_m**2)


def _left(omega: Complex, links: NDArray[np.intp], conditions: Conditions) -> _Left:
    """The mean over C1."""
    each = [_left_at(omega, links, conditions, c1_m) for c1_m in conditions.c1_m]
    return _Left(
        np.asarray(np.mean([one.covariance for one in each], axis=0)),
        np.asarray(np.mean([one.c1_statistical for one in each], axis=0)),
    )


def _left_at(omega: Complex, links: NDArray[np.intp], conditions: Conditions, c1_m: float) -> _Left:
    believed = conditions.believed
    sigma = prior_sigmas(believed)
    forward = Forward(
        omega=omega[:, np.newaxis],
        times=np.arange(omega.shape[-1], dtype=np.float64) * conditions.interval_s,
        first=links[:, np.newaxis, :, 0],
        second=links[:, np.newaxis, :, 1],
        c3_m=conditions.c3_m,
        decay_s=believed.first_motion_s,
    )
    at = np.zeros(sigma.size)
    at[0] = c1_m / C1_STEP_M

    def model(scaled: Array) -> Array:
        return forward.shifts(scaled * sigma)

    statistical = _statistical(omega, links, lambda apart: conditions.noise(c1_m, apart))
    after = posterior(jacobian(model, at), statistical + second_order(model, at))
    asked = np.r_[0, GROUPS["astigmatism"], GROUPS["coma-free axis"]]
    covariance = after.total[:, asked[:, np.newaxis], asked] * np.outer(sigma[asked], sigma[asked])
    gain = after.gain[:, :1] * C1_STEP_M  # (patterns, 1, 2·links)
    return _Left(covariance, (gain @ statistical @ np.swapaxes(gain, -1, -2))[:, 0, 0])


def _statistical(omega: Complex, links: NDArray[np.intp], noise: Callable[[Apart], LinkSigma]) -> Array:
    """Covariance (patterns, 2·links, 2·links) in (y, x) of the shifts; each link has errors of its own."""
    one, two = (np.take_along_axis(omega, links[..., k], axis=-1) for k in (0, 1))
    angle = np.abs(np.angle(two * np.conj(one)))
    pairs = np.round(np.stack([np.abs(one), angle], axis=-1) / _SAME).reshape(-1, 2)
    kinds, which = np.unique(pairs, axis=0, return_inverse=True)
    sigmas = [noise(Apart(size * _SAME, min(angle * _SAME, math.pi))) for size, angle in kinds.tolist()]
    along, across = (
        np.array([getattr(s, name) for s in sigmas])[which].reshape(one.shape) ** 2 for name in ("along", "across")
    )
    turn = np.angle(two - one)
    c, s = np.cos(turn), np.sin(turn)
    whole = np.zeros((*one.shape[:-1], one.shape[-1], 2, one.shape[-1], 2))
    link = np.arange(one.shape[-1])
    whole[..., link, 0, link, 0] = along * s**2 + across * c**2
    whole[..., link, 1, link, 1] = along * c**2 + across * s**2
    whole[..., link, 0, link, 1] = whole[..., link, 1, link, 0] = (along - across) * s * c
    return whole.reshape(*one.shape[:-1], 2 * one.shape[-1], 2 * one.shape[-1])


def _worst(covariance: Array, prior: float) -> float | None:
    """1σ of the worse component of two; None where most of the prior is left."""
    worst = float(np.linalg.eigvalsh(covariance)[-1])
    return math.sqrt(worst) if worst <= _TOLD * prior**2 else None
