"""A calibration carried from one magnification to another: through pixel sizes and the rotation between the images.

Image directions are complex, x + iy: a rotation is a product, and a matrix on (y, x) that turns by φ and scales by r is
[[Re, Im], [−Im, Re]] of r·e^{iφ}.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.commands import command_for
from eucentric.calibration.quantities import (
    AlphaResponse,
    AnyQuantity,
    Matrix,
    Pair,
    PivotPoint,
    StigmatorResponse,
    TiltResponse,
)
from eucentric.calibration.record import Level, OpticsState, Record, agree
from eucentric.errors import CalibrationError

NOMINAL_PIXEL_SIGMA = 0.02
"""1σ of the quotient of two nominal pixel sizes: each is commonly known to 1 or 2 %."""

GIVEN_SIGMA_RAD = math.radians(1.0)
"""1σ of a rotation that an operator gives: as read from a table or a picture."""

_SAME_COLUMN = ("voltage_v", "probe_mode", "camera")
"""In what the optics must agree for pixel size and rotation to tell all."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How an image direction at one preset appears at another: turned by `rotation_rad`, from +x towards +y."""

    rotation_rad: float
    sigma_rad: float

    @property
    def factor(self) -> complex:
        """e^{iφ}."""
        return cmath.rect(1.0, self.rotation_rad)


def calibrated_turn(first: Record, second: Record) -> Turn:
    """The rotation of images from one preset to another, by their tilt responses: the beam's tilt is the same in both.

    Raises CalibrationError for records of another kind.
    """
    one, two = _response(first), _response(second)
    turned = np.asarray(two.matrix_px_per_rad_m) @ np.linalg.inv(np.asarray(one.matrix_px_per_rad_m))
    # The rotation nearest to a matrix [[yy, yx], [xy, xx]]: the angle of its part that is a complex number.
    angle = math.atan2(turned[0, 1] - turned[1, 0], turned[0, 0] + turned[1, 1])
    return Turn(angle, math.hypot(one.rotation_sigma_rad, two.rotation_sigma_rad))


def transferred(record: Record, to: OpticsState, turn: Turn) -> Record:
    """The record as it must be at another magnification of the same column and camera, its errors enlarged.

    Raises CalibrationError where pixel size and rotation don't tell it: also at another high tension, in another probe
    mode, or with another camera, which may show the image mirrored.
    """
    scale = record.optics.pixel_m / to.pixel_m
    carried = _carried(record.quantity, scale, turn)
    if carried is None or not agree(record.optics, to, _SAME_COLUMN):
        raise CalibrationError(
            f"The {record.kind} of {record.optics}, {record.optics.camera}, can't be carried over to {to}, "
            f"{to.camera}: pixel size and rotation do not tell it. Measure it: {command_for(record.kind, to.preset)}"
        )
    source = f"{record.optics.preset}, {record.taken:%Y-%m-%d %H:%M} UTC"
    return record.model_copy(
        update={
            "quantity": carried,
            "optics": to,
            "level": Level.RED if record.level is Level.RED else Level.AMBER,
            "sentence": f"Transferred from {source} by pixel size and rotation. Measure it here to be sure: "
            f"{command_for(record.kind, to.preset)}",
            "figure": None,
            "dose_e_per_m2": 0.0,
            "transferred": True,
            "source": source,
        }
    )


def _response(record: Record) -> TiltResponse:
    if not isinstance(record.quantity, TiltResponse):
        raise CalibrationError(
            f"A rotation between presets needs two tilt responses, and the {record.kind} is none. "
            f"Measure it: {command_for('tilt response', record.optics.preset)}"
        )
    return record.quantity


def _carried(quantity: AnyQuantity, scale: float, turn: Turn) -> AnyQuantity | None:
    """`scale`: pixels there per pixel here."""
    if isinstance(quantity, TiltResponse):
        return quantity.model_copy(
            update={
                "matrix_px_per_rad_m": _turned(quantity.matrix_px_per_rad_m, scale * turn.factor),
                "scale_sigma": math.hypot(quantity.scale_sigma, NOMINAL_PIXEL_SIGMA),
                "rotation_sigma_rad": math.hypot(quantity.rotation_sigma_rad, turn.sigma_rad),
            }
        )
    if isinstance(quantity, AlphaResponse):
        return _alpha(quantity, scale, turn)
    if isinstance(quantity, StigmatorResponse):
        return _stigmator(quantity, turn)
    if isinstance(quantity, PivotPoint):
        turned = _turned(quantity.matrix_m_per_rad, turn.factor)
        size = _size(quantity.matrix_m_per_rad)
        return quantity.model_copy(
            update={
                "matrix_m_per_rad": turned,
                "sigma_m_per_rad": math.hypot(quantity.sigma_m_per_rad, size * NOMINAL_PIXEL_SIGMA),
            }
        )
    return None


def _alpha(quantity: AlphaResponse, scale: float, turn: Turn) -> AlphaResponse:
    y, x = quantity.px_per_m
    moved = complex(x, y) * scale * turn.factor
    size = abs(moved)
    return quantity.model_copy(
        update={
            "px_per_m": (moved.imag, moved.real),
            "px_per_m_sigma": math.hypot(
                quantity.px_per_m_sigma * scale, size * NOMINAL_PIXEL_SIGMA, size * turn.sigma_rad
            ),
            "axis_rad": _wrapped(quantity.axis_rad + turn.rotation_rad),
            "axis_sigma_rad": math.hypot(quantity.axis_sigma_rad, turn.sigma_rad),
        }
    )


def _stigmator(quantity: StigmatorResponse, turn: Turn) -> StigmatorResponse:
    """A1 = a + ib turns by twice the angle; it is a length, so pixels have no part in it."""
    twice = turn.factor**2
    columns = np.asarray(quantity.matrix_m)  # rows a, b
    values = (columns[0] + 1j * columns[1]) * twice
    there = complex(*quantity.a1_m) * twice
    error = 2 * turn.sigma_rad
    return quantity.model_copy(
        update={
            "matrix_m": (_floats(values.real), _floats(values.imag)),
            "matrix_sigma_m": math.hypot(quantity.matrix_sigma_m, error * float(np.abs(values).max())),
            "a1_m": (there.real, there.imag),
            "a1_sigma_m": math.hypot(quantity.a1_sigma_m, error * abs(there)),
        }
    )


def _turned(matrix: Matrix, factor: complex) -> Matrix:
    turn = np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
    rows = turn @ np.asarray(matrix)
    return (_floats(rows[0]), _floats(rows[1]))


def _floats(row: NDArray[np.float64]) -> Pair:
    return (float(row[0]), float(row[1]))


def _size(matrix: Matrix) -> float:
    return float(np.linalg.norm(np.asarray(matrix), 2))


def _wrapped(angle: float) -> float:
    """An angle in −π … π."""
    return math.remainder(angle, 2 * math.pi)
