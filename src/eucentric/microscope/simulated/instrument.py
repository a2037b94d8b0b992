"""What is true of the instrument at one preset, whatever it is set to: what its calibrations should find.

At eucentric focus (no lens excursion). Vectors and matrices (y, x), image axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eucentric.microscope.protocol import Vector
from eucentric.microscope.simulated.column import Column
from eucentric.microscope.simulated.magnitudes import Magnitudes

Matrix = tuple[Vector, Vector]


@dataclass(frozen=True, slots=True)
class Instrument:
    """True values, SI. Instrument tilts are what `set_beam_tilt` takes, focus is commanded lens setting."""

    preset: str
    pixel_m: float
    image_rotation_rad: float
    """From the stage's and the column's axes to the image's; the stage's tilt axis is its +x."""
    tilt_matrix: Matrix
    """Instrument tilt → true tilt, at t → 0; (1 + `tilt_cubic_per_rad2`·|t|²) times as much at t."""
    tilt_cubic_per_rad2: float
    tilt_response_px_per_rad_m: Matrix
    """Image displacement d = matrix·t·C1 px, C1 as commanded: tilt × focus scale ÷ pixel."""
    coma_free_rad: Vector
    """As instrument tilt."""
    rotation_centre_rad: Vector
    """As instrument tilt: there a change of the lens does not move the image."""
    pivot_m_per_rad: Matrix
    """How far the lit area moves in the image per instrument tilt, with the lens at focus."""
    tilt_settling_s: float
    tilt_left_at_return: float
    """Fraction of a tilt step that is missing when the set call returns."""
    stigmator_m: Matrix
    """A1 per stigmator value: rows a, b; columns y, x."""
    a1_m: Vector
    """A1 (a, b) at stigmator 0."""
    focus_scale: float
    """True metres of C1 per commanded metre."""
    parfocal_m: float
    """C1 of this preset at focus 0, eucentric height, no hysteresis."""
    eucentric_focus_m: float
    """Focus that is right at eucentric height, no hysteresis."""
    c1_per_z: float
    """dC1/dz at alpha = 0, in commanded metres of focus per commanded metre of z."""
    alpha_px_per_m: Vector
    """Image displacement per true metre of (height at alpha 0 × change of tan α), in the plane of the specimen."""
    backlash_z_m: float
    """True height reached from above minus that reached from below."""
    backlash_alpha_rad: float
    """The same of alpha: it lags behind the other way."""
    hysteresis: float
    hysteresis_range_m: float

    def hysteresis_width_m(self, excursion_m: float) -> float:
        """C1 reached from above minus that reached from below, after many equal excursions to either side.

        Each change lets the remanence r relax towards ∓s, s = `hysteresis`·range, by q = e^(−excursion/range).
        In the steady cycle r = ∓s(1 − q)²/(1 + q²).
        """
        left = float(np.exp(-excursion_m / self.hysteresis_range_m))
        return 2 * self.hysteresis * self.hysteresis_range_m * (1 - left) ** 2 / (1 + left**2)


def instrument_of(column: Column, z_scale: float, magnitudes: Magnitudes, preset: str) -> Instrument:
    """The truth about `preset`; `z_scale` is the stage's."""
    m, drawn = magnitudes.column, column.drawn
    coil, turn = column.coil(), complex(np.exp(1j * drawn.rotation_rad[preset]))
    pixel_m, focus_scale = drawn.pixel_m[preset], 1 + drawn.focus_scale
    parfocal_m = drawn.parfocal_m[preset]
    stigmator = m.stigmator_m * turn**2
    a1 = drawn.a1 * turn**2
    settled = m.tilt_settling_s == 0
    return Instrument(
        preset=preset,
        pixel_m=pixel_m,
        image_rotation_rad=drawn.rotation_rad[preset],
        tilt_matrix=matrix(coil * turn),
        tilt_cubic_per_rad2=m.tilt_cubic,
        tilt_response_px_per_rad_m=matrix(coil * turn * focus_scale / pixel_m),
        coma_free_rad=vector(drawn.coma_free / coil),
        rotation_centre_rad=vector(drawn.rotation_centre / coil),
        pivot_m_per_rad=matrix(drawn.pivot * coil * turn),
        tilt_settling_s=m.tilt_settling_s,
        tilt_left_at_return=0.0 if settled else float(np.exp(-m.tilt_wait_s / m.tilt_settling_s)),
        stigmator_m=stigmator_matrix(stigmator),
        a1_m=(a1.real, a1.imag),
        focus_scale=focus_scale,
        parfocal_m=parfocal_m,
        eucentric_focus_m=-parfocal_m / focus_scale,
        c1_per_z=z_scale / focus_scale,
        alpha_px_per_m=vector(-1j * turn / pixel_m),
        backlash_z_m=magnitudes.stage.backlash_z_m,
        backlash_alpha_rad=-magnitudes.stage.backlash_alpha_rad,
        hysteresis=m.hysteresis,
        hysteresis_range_m=m.hysteresis_range_m,
    )


def vector(value: complex) -> Vector:
    """(y, x) of x + iy."""
    return (value.imag, value.real)


def matrix(factor: complex) -> Matrix:
    """[[yy, yx], [xy, xx]] of a multiplication by a complex number: a scale and a rotation."""
    return ((factor.real, factor.imag), (-factor.imag, factor.real))


def stigmator_matrix(per_x: complex) -> Matrix:
    """[[a per y, a per x], [b per y, b per x]] of A1 = a + ib = `per_x`·(x + iy)."""
    return ((-per_x.imag, per_x.real), (per_x.real, per_x.imag))
