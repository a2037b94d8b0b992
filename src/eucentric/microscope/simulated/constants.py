"""What is true of the instrument whatever it is set to: what its calibrations should find.

At eucentric focus (no lens excursion). Vectors and matrices (y, x), image axes of each preset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eucentric.microscope.protocol import Vector
from eucentric.microscope.simulated.column import Column
from eucentric.microscope.simulated.magnitudes import Magnitudes

Matrix = tuple[Vector, Vector]


@dataclass(frozen=True, slots=True)
class Constants:
    """True values, SI; dicts by preset. Instrument tilts are what `set_beam_tilt` takes, focus is what is commanded."""

    pixel_m: dict[str, float]
    image_rotation_rad: dict[str, float]
    """From the stage's and the column's axes to the image's, in ±π."""
    tilt_matrix: dict[str, Matrix]
    """Instrument tilt → true tilt, at t → 0; (1 + `tilt_cubic_per_rad2`·|t|²) times as much at t."""
    tilt_cubic_per_rad2: float
    tilt_response_px_per_rad_m: dict[str, Matrix]
    """Image displacement d = matrix·t·C1 px, C1 as commanded: tilt × focus scale ÷ pixel."""
    coma_free_rad: Vector
    """As instrument tilt."""
    rotation_centre_rad: Vector
    """As instrument tilt: there a change of the lens does not move the image."""
    pivot_m_per_rad: dict[str, Matrix]
    """How far the lit area moves in the image per instrument tilt, with the lens at focus."""
    tilt_settling_s: float
    tilt_left_at_return: float
    """Fraction of a tilt step that is missing when the set call returns."""
    stigmator_m: dict[str, Matrix]
    """A1 per stigmator value: rows a, b; columns y, x."""
    a1_m: dict[str, Vector]
    """A1 (a, b) at stigmator 0."""
    focus_scale: float
    """True metres of C1 per commanded metre."""
    parfocal_m: dict[str, float]
    """C1 at focus 0 and eucentric height, no hysteresis."""
    eucentric_focus_m: dict[str, float]
    """Focus that is right at eucentric height, no hysteresis."""
    z_scale: float
    """True metres of stage Z per commanded metre."""
    c1_per_z: float
    """dC1/dz at alpha = 0, in commanded metres of focus per commanded metre of z."""
    stage_tilt_axis_rad: dict[str, float]
    """Direction of the tilt axis in the image; at alpha > 0 height grows a quarter turn further on."""
    alpha_px_per_m: dict[str, Vector]
    """Image displacement per true metre of (height at alpha 0 × change of tan α), in the plane of the specimen."""
    backlash_z_m: float
    """True height reached from above minus that reached from below."""
    backlash_alpha_rad: float
    """The same of alpha: it lags behind the other way."""


def constants_of(column: Column, z_scale: float, magnitudes: Magnitudes) -> Constants:
    """The truth; `z_scale` is the stage's."""
    m, drawn, coil = magnitudes.column, column.drawn, column.coil()
    focus_scale, pixel_m = 1 + drawn.focus_scale, drawn.pixel_m
    turn = {name: complex(np.exp(1j * angle)) for name, angle in drawn.rotation_rad.items()}
    rotation = {name: float(np.angle(one)) for name, one in turn.items()}
    settled = m.tilt_settling_s == 0
    return Constants(
        pixel_m=dict(pixel_m),
        image_rotation_rad=rotation,
        tilt_matrix={name: matrix(coil * one) for name, one in turn.items()},
        tilt_cubic_per_rad2=m.tilt_cubic,
        tilt_response_px_per_rad_m={
            name: matrix(coil * one * focus_scale / pixel_m[name]) for name, one in turn.items()
        },
        coma_free_rad=vector(drawn.coma_free / coil),
        rotation_centre_rad=vector(drawn.rotation_centre / coil),
        pivot_m_per_rad={name: matrix(drawn.pivot * coil * one) for name, one in turn.items()},
        tilt_settling_s=m.tilt_settling_s,
        tilt_left_at_return=0.0 if settled else float(np.exp(-m.tilt_wait_s / m.tilt_settling_s)),
        stigmator_m={name: stigmator_matrix(m.stigmator_m * one**2) for name, one in turn.items()},
        a1_m={name: ((drawn.a1 * one**2).real, (drawn.a1 * one**2).imag) for name, one in turn.items()},
        focus_scale=focus_scale,
        parfocal_m=dict(drawn.parfocal_m),
        eucentric_focus_m={name: -one / focus_scale for name, one in drawn.parfocal_m.items()},
        z_scale=z_scale,
        c1_per_z=z_scale / focus_scale,
        stage_tilt_axis_rad=dict(rotation),
        alpha_px_per_m={name: vector(-1j * one / pixel_m[name]) for name, one in turn.items()},
        backlash_z_m=magnitudes.stage.backlash_z_m,
        backlash_alpha_rad=-magnitudes.stage.backlash_alpha_rad,
    )


def hysteresis_width_of(magnitudes: Magnitudes, excursion_m: float) -> float:
    """C1 reached from above minus that reached from below, after many equal excursions to either side.

    Each change lets the remanence relax towards ∓s, s = hysteresis·range, by q = e^(−excursion/range). In the steady
    cycle it is ∓s(1 − q)²/(1 + q²) on the way back.
    """
    m = magnitudes.column
    left = float(np.exp(-abs(excursion_m) / m.hysteresis_range_m))
    return 2 * m.hysteresis * m.hysteresis_range_m * (1 - left) ** 2 / (1 + left**2)


def vector(value: complex) -> Vector:
    """(y, x) of x + iy."""
    return (value.imag, value.real)


def matrix(factor: complex) -> Matrix:
    """[[yy, yx], [xy, xx]] of a multiplication by a complex number: a scale and a rotation."""
    return ((factor.real, factor.imag), (-factor.imag, factor.real))


def sheared(factor: complex, shear: complex) -> Matrix:
    """The matrix of t → `factor`·(t + `shear`·t̄), t complex."""
    of_conjugate = factor * shear  # (u + iv)(x − iy) = ux + vy + i(vx − uy)
    (yy, yx), (xy, xx) = matrix(factor)
    u, v = of_conjugate.real, of_conjugate.imag
    return ((yy - u, yx + v), (xy + v, xx + u))


def stigmator_matrix(per_x: complex) -> Matrix:
    """[[a per y, a per x], [b per y, b per x]] of A1 = a + ib = `per_x`·(x + iy)."""
    return ((-per_x.imag, per_x.real), (per_x.real, per_x.imag))
