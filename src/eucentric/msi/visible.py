"""Whether a place is a visible area of the grid: looked up in the image of its parent target."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame
from eucentric.msi.known import Check
from eucentric.msi.needs import measures_height
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit

LEAST = 0.1
"""Of the brightness of the image's brightest parts: film lets more than half of the electrons through, thick ice a
third; a grid bar, a closed beam or a blocked one none."""
_BRIGHTEST = 99  # per cent
_SMALLEST_PX = 64
_BLOCK = 8
_REMEDY = (
    "It is dark there: a grid bar, thick ice, or no beam. Move the targets (targets: centre), or look whether the beam "
    "is on."
)


def visible(shared: Shared, unit: Unit) -> tuple[Check, ...]:
    """How bright the unit's place is in its parent's image, as a part of the brightest there; () where height is not
    what it measures first, or there is no such image in which it lies about in the middle.
    """
    node = shared.node(unit)
    parent = next((one for one in shared.units if one.key == unit.parent), None)
    if parent is None or node.focus is None or not measures_height(node):
        return ()
    frame = _image(shared, parent)
    if frame is None or frame.pixel_m is None:
        return ()
    if math.dist(unit.place_m, parent.place_m) > 0.25 * frame.pixel_m * min(frame.shape):
        return ()
    seen = next(s for s in node.focus.sequence.steps if s.switch).preset
    preset = shared.beliefs.presets[seen]
    return (brightness(frame.pixels, max(preset.size) * preset.pixel_m / frame.pixel_m),)


def brightness(pixels: NDArray[np.generic], side_px: float) -> Check:
    """The need, of the middle `side_px` pixels of an image (ny, nx) whose dark level is subtracted: 0 is no light."""
    values = _blocks(np.asarray(pixels, np.float64))
    half = int(max(side_px, _SMALLEST_PX) / 2 / _BLOCK)
    y, x = (n // 2 for n in values.shape)
    middle = values[max(y - half, 0) : y + half, max(x - half, 0) : x + half]
    brightest = float(np.percentile(values, _BRIGHTEST))
    part = max(float(np.median(middle)), 0.0) / brightest if brightest > 0 else 0.0
    return Check("brightness", LEAST, part, "" if part >= LEAST else _REMEDY, unit="")


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 8 × 8 pixels: of few electrons most pixels of a counting camera have none."""
    rows, columns = (n // _BLOCK * _BLOCK for n in values.shape)
    cut = values[:rows, :columns]
    return np.asarray(cut.reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK).mean(axis=(1, 3)))


def _image(shared: Shared, parent: Unit) -> Frame | None:
    """The parent's image that was kept; None where there is none, or its file was moved away."""
    outcome = shared.journal.noted.outcomes.get(parent.key)
    if outcome is None or not outcome.exposures:
        return None
    try:
        return read_frame(shared.journal.folder / outcome.exposures[0].file)
    except InputError:
        return None
