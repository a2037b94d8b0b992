"""What a calibration found, in words: values ± 1σ in the units of the field."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from eucentric.calibration.quantities import (
    AlphaResponse,
    AnyQuantity,
    ComaFreeAxis,
    EucentricFocus,
    FocusScale,
    HeightResponse,
    LensHysteresis,
    Matrix,
    Parfocality,
    PivotPoint,
    RotationCentre,
    StageBacklash,
    StigmatorResponse,
    TiltResponse,
    TiltSettling,
)
from eucentric.calibration.record import OpticsState
from eucentric.units import decimals, minus

Line: TypeAlias = tuple[str, str]
"""What it is, and its value with error and unit."""


def lines(quantity: AnyQuantity, optics: OpticsState) -> tuple[Line, ...]:
    """The values of a quantity, one line each; what is tied comes last."""
    told = tuple((name, minus(text)) for name, text in _WORDS[quantity.kind](quantity, optics))
    tied = getattr(quantity, "tied", None)
    return (*told, ("tied", tied)) if tied else told


def sentence(quantity: AnyQuantity, optics: OpticsState) -> str:
    """All of it on one line, without what is tied."""
    return "; ".join(f"{name} {value}" for name, value in lines(quantity, optics) if name != "tied")


def with_sigma(value: float, sigma: float, unit: str, factor: float = 1.0) -> str:
    """`value` ± `sigma`, both times `factor`, with the digits that the error leaves standing."""
    value, sigma = value * factor, sigma * factor
    digits = decimals(sigma)
    space = "" if unit in ("°", "%") else " "
    return f"{value:.{digits}f} ± {sigma:.{digits}f}{space}{unit}"


def scale_and_rotation(matrix: Matrix) -> tuple[float, float]:
    """The mean magnification of a matrix on (y, x) and its rotation from +x towards +y, radians."""
    (yy, yx), (xy, xx) = matrix
    factor = complex(yy + xx, yx - xy) / 2
    return abs(factor), math.atan2(factor.imag, factor.real)


def _tilt_response(q: TiltResponse, optics: OpticsState) -> list[Line]:
    scale, turn = scale_and_rotation(q.matrix_px_per_rad_m)
    nominal = scale * optics.pixel_m
    return [
        ("response", with_sigma(scale, scale * q.scale_sigma, "px per mrad and µm", 1e-9)),
        ("of nominal", with_sigma(nominal, nominal * q.scale_sigma, "%", 100)),
        ("rotation", with_sigma(turn, q.rotation_sigma_rad, "°", 180 / math.pi)),
        ("at 10 mrad more by", with_sigma(q.cubic_per_rad2, q.cubic_sigma_per_rad2, "%", 1e-4 * 100)),
    ]


def _focus_scale(q: FocusScale, _: OpticsState) -> list[Line]:
    return [
        ("true per commanded defocus", f"{with_sigma(q.scale, q.scale_sigma, '%', 100)} (reference: {q.reference})")
    ]


def _height(q: HeightResponse, _: OpticsState) -> list[Line]:
    return [("defocus per stage Z", with_sigma(q.c1_per_z, q.c1_per_z_sigma, "µm/µm"))]


def _alpha(q: AlphaResponse, optics: OpticsState) -> list[Line]:
    moved = math.hypot(*q.px_per_m) * optics.pixel_m
    return [
        ("displacement", with_sigma(moved, q.px_per_m_sigma * optics.pixel_m, "µm per µm and unit tan α")),
        ("tilt axis", with_sigma(q.axis_rad, q.axis_sigma_rad, "°", 180 / math.pi)),
        ("eucentric Z", with_sigma(q.eucentric_z_m, q.eucentric_z_sigma_m, "µm", 1e6)),
    ]


def _eucentric_focus(q: EucentricFocus, _: OpticsState) -> list[Line]:
    return [("eucentric focus", with_sigma(q.focus_m, q.focus_sigma_m, "µm", 1e6))]


def _parfocality(q: Parfocality, _: OpticsState) -> list[Line]:
    return [(f"focus against {q.reference}", with_sigma(q.difference_m, q.difference_sigma_m, "µm", 1e6))]


def _stigmator(q: StigmatorResponse, _: OpticsState) -> list[Line]:
    per_unit = float(np.sqrt(abs(np.linalg.det(np.asarray(q.matrix_m)))))
    a, b = q.a1_m
    return [
        ("astigmatism per stigmator unit", with_sigma(per_unit, q.matrix_sigma_m, "nm", 1e9)),
        ("astigmatism a", with_sigma(a, q.a1_sigma_m, "nm", 1e9)),
        ("astigmatism b", with_sigma(b, q.a1_sigma_m, "nm", 1e9)),
    ]


def _axis(q: ComaFreeAxis, _: OpticsState) -> list[Line]:
    y, x = q.tilt_rad
    return [
        ("beam tilt y", with_sigma(y, q.tilt_sigma_rad, "mrad", 1e3)),
        ("beam tilt x", with_sigma(x, q.tilt_sigma_rad, "mrad", 1e3)),
        ("axial coma Re B2", with_sigma(q.b2_m[0], q.b2_sigma_m, "µm", 1e6)),
        ("axial coma Im B2", with_sigma(q.b2_m[1], q.b2_sigma_m, "µm", 1e6)),
    ]


def _rotation_centre(q: RotationCentre, _: OpticsState) -> list[Line]:
    y, x = q.tilt_rad
    return [
        ("beam tilt y", with_sigma(y, q.tilt_sigma_rad, "mrad", 1e3)),
        ("beam tilt x", with_sigma(x, q.tilt_sigma_rad, "mrad", 1e3)),
    ]


def _pivot(q: PivotPoint, _: OpticsState) -> list[Line]:
    largest = float(np.linalg.norm(np.asarray(q.matrix_m_per_rad), 2))
    return [("lit area moves", with_sigma(largest, q.sigma_m_per_rad, "nm per mrad", 1e6))]


def _hysteresis(q: LensHysteresis, _: OpticsState) -> list[Line]:
    width = with_sigma(q.width_m, q.width_sigma_m, "nm", 1e9)
    return [("from above minus from below", f"{width} after excursions of {q.excursion_m * 1e6:g} µm")]


def _backlash(q: StageBacklash, _: OpticsState) -> list[Line]:
    told = [("Z from above minus from below", with_sigma(q.z_m, q.z_sigma_m, "nm", 1e9))]
    if q.alpha_rad is not None:
        told.append(("alpha", with_sigma(q.alpha_rad, q.alpha_sigma_rad or 0.0, "°", 180 / math.pi)))
    return told


def _settling(q: TiltSettling, _: OpticsState) -> list[Line]:
    return [
        ("time constant", with_sigma(q.time_s, q.time_sigma_s, "ms", 1e3)),
        ("still missing when the call returns", with_sigma(q.left_at_return, q.left_sigma, "%", 100)),
    ]


_WORDS: dict[str, Callable[..., list[Line]]] = {
    "tilt response": _tilt_response,
    "focus scale": _focus_scale,
    "stage Z": _height,
    "stage alpha": _alpha,
    "eucentric focus": _eucentric_focus,
    "parfocality": _parfocality,
    "stigmator response": _stigmator,
    "coma-free axis": _axis,
    "rotation centre": _rotation_centre,
    "pivot point": _pivot,
    "lens hysteresis": _hysteresis,
    "stage backlash": _backlash,
    "tilt settling": _settling,
}
