"""TIFF files, and which of their resolution tags can be believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from eucentric.images.frame import Frame

_CENTIMETRE = 3
_IMAGEJ_UNITS_M = {"nm": 1e-9, "um": 1e-6, "µm": 1e-6, "micron": 1e-6, "\\u00b5m": 1e-6, "angstrom": 1e-10, "å": 1e-10}
_PIXEL_MAX_M = 1e-6
"""A larger "pixel" is the resolution of a printer or a screen (72 dpi is 353 µm)."""


def read(path: Path) -> Frame:
    """The image, and its pixel size when ImageJ or the resolution tags (in centimetres) give one below 1 µm.

    Raises what tifffile raises.
    """
    with tifffile.TiffFile(path) as file:
        pixel, pages = _pixel_m(file), len(file.pages)
        try:
            pixels = np.asarray(file.asarray())
        except ValueError:
            # LZW and its like need tifffile's large companion; Pillow has them on board.
            if pages != 1:
                raise
            pixels = _through_pillow(path)
    return Frame(pixels=pixels, pixel_m=pixel)


def write(path: Path, frame: Frame) -> None:
    """Write the pixels as they are; the pixel size as resolution tags, pixels per centimetre."""
    options: dict[str, Any] = {"photometric": "minisblack"}
    if frame.pixel_m is not None:
        options |= {"resolution": (1e-2 / frame.pixel_m,) * 2, "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, np.asarray(frame.pixels), **options)


def _through_pillow(path: Path) -> NDArray[np.generic]:
    """The pixels of a one-page file in a compression that tifffile alone can't undo."""
    with Image.open(path, formats=("TIFF",)) as picture:
        return np.array(picture)


def _pixel_m(file: Any) -> float | None:
    """Pixel size in metres that the tags give, None where they give none that can be believed."""
    tags = file.pages[0].tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None
    unit_m = _unit_m(file)
    per_unit = [_ratio(tags[name].value) for name in ("XResolution", "YResolution")]
    if unit_m is None or min(per_unit) <= 0 or abs(per_unit[0] - per_unit[1]) > 0.01 * per_unit[0]:
        return None
    pixel = unit_m / per_unit[0]
    return pixel if math.isfinite(pixel) and pixel <= _PIXEL_MAX_M else None


def _unit_m(file: Any) -> float | None:
    """Metres of the unit that the resolution is counted in."""
    if file.is_imagej:
        return _IMAGEJ_UNITS_M.get(str((file.imagej_metadata or {}).get("unit", "")).strip().lower())
    tag = file.pages[0].tags.get("ResolutionUnit")
    # Inches come from pictures made for print; no microscope counts in them.
    return 1e-2 if tag is not None and int(tag.value) == _CENTIMETRE else None


def _ratio(value: Any) -> float:
    """A TIFF rational as a float; 0 where its denominator is."""
    numerator, denominator = value
    return float(numerator) / float(denominator) if denominator else 0.0
