"""The design matrix of a pattern: what its shifts will tell, before an electron is spent.

Parameters are scaled: C1 in steps of `C1_STEP_M`, all others in their prior's 1σ, so that those with a prior have unit
variance before anything is measured. For shifts with noise R and J = ∂shifts/∂parameters the covariance afterwards is
(JᵀR⁻¹J + P)⁻¹, P the priors' precision (0 for C1, 1 for the others). Many patterns at once: leading axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eucentric.focus.forward import FREE, GROUPS, Array

Model = Callable[[Array], Array]
"""Scaled parameters (points, n) to shifts (…, points, 2·links)."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """After the shifts: covariance (…, n, n) of the scaled parameters, and what they gain of each, (…, n, 2·links)."""

    total: Array
    gain: Array


def jacobian(model: Model, at: Array) -> Array:
    """J (…, 2·links, n): central differences over ±1σ of each parameter, at scaled parameters (n,)."""
    steps = np.eye(at.size)
    return np.asarray(np.swapaxes(model(at + steps) - model(at - steps), -1, -2) / 2)


def second_order(model: Model, at: Array) -> Array:
    """What the axis does beyond first order, (…, 2·links, 2·links): for ±β its linear effect cancels and
    C3(|β0|² + 2(β̂·β0)²) is left.

    With h_km the second derivatives per σ², the mean is ½Σh_kk and the covariance ½Σ h_km h_kmᵀ; both are added.
    """
    y, x = np.eye(at.size)[GROUPS["coma-free axis"]]
    pairs = ((y, y), (x, x), (y, x))
    points = np.array([at + s + o for step, other in pairs for s in (step, -step) for o in (other, -other)])
    shifts = model(points)
    four = shifts.reshape(*shifts.shape[:-2], len(pairs), 4, shifts.shape[-1])
    yy, xx, yx = np.moveaxis((four[..., 0, :] - four[..., 1, :] - four[..., 2, :] + four[..., 3, :]) / 4, -2, 0)
    return 0.5 * (_square(yy) + _square(xx)) + _square(yx) + _square(0.5 * (yy + xx))


def posterior(jacobian: Array, noise: Array) -> Posterior:
    """What shifts of a design J (…, 2·links, n) with noise (…, 2·links, 2·links), m², leave unknown."""
    weighted = np.swapaxes(jacobian, -1, -2) @ np.linalg.inv(noise)
    total = np.asarray(np.linalg.inv(weighted @ jacobian + prior_precision(jacobian.shape[-1])))
    return Posterior(total, np.asarray(total @ weighted))


def prior_precision(count: int) -> Array:
    """P (n, n) of scaled parameters."""
    return np.diag([0.0] * FREE + [1.0] * (count - FREE))


def _square(vector: Array) -> Array:
    return np.asarray(vector[..., :, np.newaxis] * vector[..., np.newaxis, :])
