"""What a pre-flight found so far in place of what was believed, so that one wrong calibration spoils one line only."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace

import numpy as np

from eucentric.calibrate.known_defoci import Tried
from eucentric.calibrate.report import Line, graded
from eucentric.calibrate.rough import rough_response
from eucentric.calibrate.shots import Shots, untouched
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration, Vector
from eucentric.calibration.record import Level
from eucentric.microscope.guarded import Guarded
from eucentric.units import minus

_ROUGH_TILT_RAD = 2.5e-3
_ROUGH_RATIO = (0.15, 0.3)
_ROUGH_TURN_RAD = (math.radians(6.0), math.radians(15.0))
"""A first look without a model of the optics is good to 5 % and 3°; beyond these the calibration is wrong."""


def with_tilts(book: CalibrationBook, preset: str, tried: Tried) -> CalibrationBook:
    """The book with the preset's tilts as three known defoci showed them."""
    old = book.of(preset)
    factor = cmath.rect(tried.ratio, tried.turn_rad)
    turn = np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
    (a, b), (c, d) = (turn @ np.array(old.tilt_matrix)).tolist()
    return CalibrationBook(book.instrument, {**book.presets, preset: replace(old, tilt_matrix=((a, b), (c, d)))})


def with_axis(book: CalibrationBook, axis_rad: Vector) -> CalibrationBook:
    """The book with the coma-free axis as it was found, at all presets."""
    return CalibrationBook(
        book.instrument, {name: replace(one, coma_free_rad=axis_rad) for name, one in book.presets.items()}
    )


def first_look_lines(microscope: Guarded, preset: str, believed: Calibration) -> list[Line]:
    """Where focus was not reached: whether tilts move the image as is believed, without believing anything.

    Raises NotMeasuredError where no tilt shows it, InstrumentError.
    """
    microscope.set_preset(preset)
    shots = Shots(microscope, untouched(believed.instrument, believed.column))
    seen = np.array(rough_response(shots, _ROUGH_TILT_RAD).matrix_px_per_rad_m) * shots.pixel_m
    (yy, yx), (xy, xx) = (seen @ np.linalg.inv(np.array(believed.tilt_matrix))).tolist()
    factor = complex(yy + xx, yx - xy) / 2
    ratio, turn = abs(factor), cmath.phase(factor)
    lines = []
    level = graded(ratio - 1, *_ROUGH_RATIO)
    advice = f"Run: eucentric calibrate tilt --preset {preset}"
    if level is not Level.GREEN:
        said = f"At preset {preset} beam tilt moves the image {ratio:.2f} times as far as is believed. {advice}"
        lines.append(Line("ratio", level, f"{ratio:.2f} measured ÷ actual ({preset})", said, ratio, 0.05))
    level = graded(turn, *_ROUGH_TURN_RAD)
    if level is not Level.GREEN:
        degrees = math.degrees(turn)
        said = f"At preset {preset} the beam tilts {abs(degrees):.0f}° beside the direction that is believed. {advice}"
        lines.append(Line("tilt rotation", level, minus(f"{degrees:.0f}° ({preset})"), said, turn, math.radians(3.0)))
    return lines
