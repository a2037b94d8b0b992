"""Weighted linear least squares for shifts (y, x), with a covariance that the residuals may only enlarge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import NotMeasuredError

Array = NDArray[np.float64]

FLOOR_PX = 0.02
"""What a model of a pair leaves over, per component, beside the noise: the matched estimator's scatter was up to 1.8
times its own σ of about 0.01 px on images of 10 to 20 e/Å² (DESIGN.md section 2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Values (n,) and their covariance (n, n); χ² of the residuals, with their number beyond the values."""

    values: Array
    covariance: Array
    chi2: float
    dof: int
    fitted: Array  # (m,) what the values predict
    rest: Array  # (m,) what is left of the observations, in their units

    @property
    def sigma(self) -> Array:
        """1σ of each value."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def chi2_per_dof(self) -> float:
        """χ² per degree of freedom; 1 where there is none left over."""
        return self.chi2 / self.dof if self.dof > 0 else 1.0


def sigma_px(covariance: Array) -> float:
    """1σ of a shift, per component, as `fit` weighs it: its own (2, 2), and the floor."""
    return math.sqrt(0.5 * float(np.trace(covariance)) + FLOOR_PX**2)


def fit(design: Array, observed: Array, covariances: Array, *, floor: float = FLOOR_PX) -> Fit:
    """Values that bring design (m, n) · values nearest to observed (m,), m = 2·k in (y, x) order.

    `covariances` (k, 2, 2) are those of the shifts; `floor` (1σ of each component) is added. Where χ² says that there
    is more scatter than stated, the covariance grows by χ² per degree of freedom; it never shrinks.
    Raises NotMeasuredError when the observations do not tell the values.
    """
    count, unknown = design.shape
    if count < unknown:
        raise NotMeasuredError(
            f"Only {count} numbers for {unknown} unknowns are left: too many images could not be compared. Move to a "
            "place with more contrast, or expose longer."
        )
    roots = [np.linalg.inv(np.linalg.cholesky(c + floor**2 * np.eye(2))) for c in covariances]
    white = np.concatenate([r @ design[2 * i : 2 * i + 2] for i, r in enumerate(roots)])
    goal = np.concatenate([r @ observed[2 * i : 2 * i + 2] for i, r in enumerate(roots)])
    # Columns differ by many orders of magnitude (radians, metres): scaled before anything is inverted.
    size = np.linalg.norm(white, axis=0)
    if not np.all(size > 0) or np.linalg.cond(white / size) > 1e8:
        raise NotMeasuredError(
            "The images that could be compared do not tell all that is to be found. Move to a place with more contrast."
        )
    scaled = white / size
    inverse = np.linalg.inv(scaled.T @ scaled)
    values = inverse @ (scaled.T @ goal) / size
    rest = goal - white @ values
    chi2, dof = float(rest @ rest), count - unknown
    grown = max(1.0, chi2 / dof) if dof > 0 else 1.0
    return Fit(values, inverse / np.outer(size, size) * grown, chi2, dof, design @ values, observed - design @ values)
