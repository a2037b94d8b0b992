"""What the caller of `measure_defocus` gives, checked and in one form: tilts, column, correlation type, frames."""

from __future__ import annotations

import cmath
import math
from typing import Any

from numpy.typing import NDArray

from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.images.check import check_image
from eucentric.images.frame import Frame
from eucentric.optics.aberrations import Tilt
from eucentric.optics.column import Column


def symmetric_tilts(tilt_rad: float, angle_rad: float, cross_rad: float) -> tuple[Tilt, Tilt]:
    """The tilts (y, x) of a pair at ∓tilt along an angle from +x towards +y, both off by `cross_rad` a quarter turn on.

    Raises InputError for a tilt of zero and an angle that is none.
    """
    if tilt_rad == 0:
        raise InputError("A beam tilt of 0 mrad shows no defocus. Give the tilt of each image from the axis: 5 mrad.")
    if not math.isfinite(angle_rad):
        raise InputError(f"A tilt direction of {angle_rad} rad is no angle. Give it in radians from +x towards +y.")
    unit = cmath.rect(1.0, angle_rad)
    minus, plus = (-tilt_rad + 1j * cross_rad) * unit, (tilt_rad + 1j * cross_rad) * unit
    return ((minus.imag, minus.real), (plus.imag, plus.real))


def one_way(tilt_rad: float | None, first: Tilt | None, second: Tilt | None) -> None:
    """Raises InputError unless either the tilt of a symmetric pair is given, or both tilts in full."""
    full, symmetric = (first is not None, second is not None), tilt_rad is not None
    if full != ((False, False) if symmetric else (True, True)):
        raise InputError("Give either the tilt of a symmetric pair, or the first and the second tilt in full.")


def finite_tilts(tilts: tuple[Tilt, Tilt]) -> tuple[Tilt, Tilt]:
    """The tilts. Raises InputError when a component is not finite."""
    if not all(math.isfinite(part) for tilt in tilts for part in tilt):
        raise InputError(f"The beam tilts {tilts} (y, x) are not all finite. Give them in radians: 5 mrad is 5e-3.")
    return tilts


def given_column(column: Column | None, voltage_v: float, c3_m: float) -> Column:
    """The column, or the usual one at this high tension and Cs. Raises InputError where they contradict it."""
    if column is None:
        return Column(voltage_v=voltage_v, c3_m=c3_m)
    if column.voltage_v != voltage_v or column.c3_m != c3_m:
        raise InputError(
            f"The column given is of {column.voltage_v * 1e-3:g} kV and Cs {column.c3_m * 1e3:g} mm, the pair of "
            f"{voltage_v * 1e-3:g} kV and {c3_m * 1e3:g} mm. Give the same values."
        )
    return column


def given_method(method: Method | str) -> Method:
    """The correlation type of that name. Raises InputError for another one."""
    try:
        return Method(method)
    except ValueError as error:
        raise InputError(f"'{method}' is no correlation type. Use matched, phase or cross.") from error


def given_frames(
    first: NDArray[Any], second: NDArray[Any], *, pixel_m: float, interval_s: float
) -> tuple[Frame, Frame]:
    """Both arrays as frames. Raises InputError, naming the image, where one can't be used or they differ in size."""
    for array, name in ((first, "The first image"), (second, "The second image")):
        check_image(array, name)
    if first.shape != second.shape:
        raise InputError(
            f"The images differ in size: {first.shape[0]} × {first.shape[1]} and {second.shape[0]} × {second.shape[1]} "
            "(rows × columns). Give two images of the same preset."
        )
    return (Frame(first, pixel_m=pixel_m, time_s=0.0), Frame(second, pixel_m=pixel_m, time_s=interval_s))
