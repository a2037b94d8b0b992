"""What two images of a pair tell about beam and camera: electrons, illumination, the camera's own pattern."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eucentric.calibrate.report import Line, graded, worst
from eucentric.calibration.record import Level
from eucentric.errors import InputError
from eucentric.images.frame import Frame
from eucentric.images.prepare import prepare
from eucentric.units import E_PER_A2, minus

Array = NDArray[np.float64]

_DARK = 1.0
"""An image whose mean is below its own spread holds (nearly) no electrons: with n per pixel the spread is mean/√n."""
_COARSE_PX = 4.0
"""What is finer than this is compared pixel by pixel for the camera's pattern; the specimen's is mostly coarser."""
_PATTERN = (0.015, 0.03)
"""Relative rms of a gain reference's residue: 0.5 to 2 % is usual; beyond, it wins over thin specimens."""
_CLIP = 6.0
_FEW_ELECTRONS = (8.0, 2.0)
"""Electrons per pixel below which a pair near focus becomes uncertain, and hopeless."""


def shutter_line(frame: Frame) -> Line:
    """Whether electrons reach the camera at all."""
    pixels = np.asarray(frame.pixels, np.float64)
    mean, spread = float(pixels.mean()), _spread(pixels)
    if spread == 0.0:
        return Line(
            "shutter", Level.RED, f"all pixels {mean:g}",
            "The image has one value in all its pixels: the shutter does not open, the beam is blanked, or the "
            "camera is "
            "not read out. Check shutter, beam blanker and camera.",
        )  # fmt: skip
    value = minus(f"mean {mean:.4g} counts, spread {spread:.3g}")
    if mean < _DARK * spread:
        return Line(
            "shutter", Level.RED, value,
            "Hardly any electrons reach the camera: the shutter does not open, the beam is blanked or off the "
            "view, or a "
            "grid bar is in the way. Check shutter, column valves and beam, then the place.",
        )  # fmt: skip
    return Line("shutter", Level.GREEN, value, "Electrons reach the camera.")


def dose_line(frame: Frame) -> Line:
    """What an image costs the specimen, and how much it can show."""
    dose, pixel = frame.dose_e_per_m2, frame.pixel_m
    if dose is None or pixel is None:
        return Line(
            "dose", Level.AMBER, "not known", "The dose of this preset is not known. Enter it, so that budgets hold."
        )
    electrons = dose * pixel**2
    value = f"{dose / E_PER_A2:.3g} e/Å² an image, {electrons:.3g} e per pixel"
    level = (
        Level.GREEN if electrons >= _FEW_ELECTRONS[0] else Level.AMBER if electrons >= _FEW_ELECTRONS[1] else Level.RED
    )
    said = "Enough electrons per pixel." if level is Level.GREEN else "Few electrons per pixel: expose longer or bin."
    return Line("dose", level, value, said, dose)


def illumination_line(frames: tuple[Frame, ...]) -> Line:
    """How even the light is, and whether it stays when the beam tilts."""
    try:
        lit = min(prepare(frame.pixels).lit_fraction for frame in frames)
    except InputError as error:
        return Line("illumination", Level.RED, "not known", str(error))
    means = [float(np.asarray(frame.pixels, np.float64).mean()) for frame in frames]
    keeps = min(means) / max(means) if max(means) > 0 else 0.0
    slope = max(_slope(frame) for frame in frames)
    level = worst(graded(1 - lit, 0.1, 0.5), graded(1 - keeps, 0.15, 0.5), graded(slope, 0.3, 0.8))
    value = f"{lit:.0%} lit, {slope:.0%} brighter on one side, {keeps:.0%} of the light stays when the beam tilts"
    if level is Level.GREEN:
        return Line("illumination", level, value, "The view is evenly lit, also with the beam tilted.")
    return Line(
        "illumination", level, value,
        "Centre and spread the beam, align the beam tilt pivot points, and centre the objective aperture.",
        slope,
    )  # fmt: skip


def pattern_line(first: Frame, second: Frame) -> Line:
    """The rms of what the camera puts into every image alike. The two must show the specimen at different places."""
    size, sigma = fixed_pattern(first, second)
    level = graded(max(size - 2 * sigma, 0.0), *_PATTERN)
    value = f"{size:.2%} of the mean (± {sigma:.2%})"
    if level is Level.GREEN:
        return Line("fixed pattern", level, value, "The camera's own pattern is weak enough.", size, sigma)
    return Line(
        "fixed pattern", level, value,
        "The camera's own pattern is in every image, a false match at no shift. Renew the gain and dark references.",
        size, sigma,
    )  # fmt: skip


def fixed_pattern(first: Frame, second: Frame) -> tuple[float, float]:
    """Relative rms of the common fine pattern at zero shift, and its error (of its square's root where it is zero)."""
    one, two = (_fine(np.asarray(f.pixels, np.float64)) for f in (first, second))
    product = one * two
    square, error = float(product.mean()), float(product.std() / math.sqrt(product.size))
    # Averages over _COARSE_PX take a part of a white pattern away: 1/(4π s²) of its power, 0.5 % here.
    size = math.sqrt(max(square, 0.0))
    return size, error / (2 * size) if size**2 > error else math.sqrt(error)


def _fine(pixels: Array) -> Array:
    """Relative, without what is coarse, outliers clipped."""
    mean = float(pixels.mean())
    fine = pixels / mean - ndimage.gaussian_filter(pixels / mean, _COARSE_PX) if mean > 0 else pixels * 0.0
    spread = _spread(fine)
    return np.clip(fine, -_CLIP * spread, _CLIP * spread)


def _spread(pixels: Array) -> float:
    low, high = np.percentile(pixels[:: max(1, pixels.shape[0] // 256)], (16, 84))
    return float(high - low) / 2


def _slope(frame: Frame) -> float:
    """The change of brightness across the view by its linear trend, of the mean."""
    pixels = np.asarray(frame.pixels, np.float64)
    ny, nx = pixels.shape
    y, x = (np.linspace(-0.5, 0.5, n) for n in (ny, nx))
    mean = float(pixels.mean())
    if mean <= 0:
        return 0.0
    # On a centred grid the trends are 12·⟨p·y⟩ and 12·⟨p·x⟩.
    return 12 * float(np.hypot((pixels.mean(axis=1) @ y) / ny, (pixels.mean(axis=0) @ x) / nx)) / mean
