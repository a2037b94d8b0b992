"""A contact sheet of pairs: first image, second image, and the correlation around the peak, framed by their marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from eucentric.correlation.shift import CorrelationMap, Vector
from eucentric.figures.pair import binned
from eucentric.figures.style import GREEN, GREY, RED, quiet
from eucentric.focus.patterns import Link
from eucentric.focus.result import DefocusResult
from eucentric.images.frame import Frame
from eucentric.optimize.tuning.repeats import Mark
from eucentric.units import show_length

COLUMNS = 5
SIDE_PX = 112
_PEAK_CELLS = 14  # of the map, to each side of the peak
_TAILS = (0.5, 99.5)
_GAP_PX = 4

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """How a mark is drawn."""

    colour: str
    sign: str


MARKS = {Mark.GOOD: Look(GREEN, "o"), Mark.BAD: Look(RED, "X"), Mark.SKIPPED: Look(GREY, "d")}


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Small pictures of one repeat, 0 to 1: the two images of its first pair, and the map around its peak (None: there
    is no map), with what is written above."""

    number: int
    first: Grey
    second: Grey
    peak: Grey | None
    words: str


def tile_of(number: int, frames: tuple[Frame, ...], result: DefocusResult, link: Link) -> Tile:
    """The tile of a measurement; `frames` are its images, `link` the pair of its first shift."""
    first, second = (_square(binned(frames[i].pixels, SIDE_PX)) for i in link)
    low, high = (float(v) for v in np.percentile(np.concatenate([first.ravel(), second.ravel()]), _TAILS))
    measured = result.measurement
    found = "?" if result.nothing_found else show_length(measured.c1_m, 3)
    peak = None if result.shift.map is None else _peak(result.shift.map, result.shift.shift_px)
    words = f"{number}: {found}, χ² {measured.chi2:.2g}"
    return Tile(number, _grey(first, low, high), _grey(second, low, high), peak, words)


def sheet_rows(tiles: int) -> int:
    """Rows of a sheet with so many tiles."""
    return max(-(-tiles // COLUMNS), 1)


def draw_sheet(figure: SubFigure, tiles: Sequence[Tile], marks: Mapping[int, Mark], of: int) -> None:
    """Draw the tiles; `of` is how many repeats there are."""
    some = "" if len(tiles) == of else f" ({len(tiles)} of {of} repeats)"
    figure.suptitle(
        f"First image, second image, correlation around the peak{some}. Frame: green good, red bad, grey skipped",
        x=0.01, ha="left", fontsize=10,
    )  # fmt: skip
    axes = np.atleast_1d(figure.subplots(sheet_rows(len(tiles)), COLUMNS, squeeze=False)).ravel()
    for ax in axes:
        quiet(ax)
    for ax, tile in zip(axes, tiles, strict=False):
        picture = _joined(tile)
        ny, nx = picture.shape
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=(0, nx, ny, 0))
        look = MARKS[marks[tile.number]]
        ax.add_patch(Rectangle((0, 0), nx, ny, fill=False, edgecolor=look.colour, linewidth=3))
        ax.set_title(tile.words, fontsize=8, color=look.colour, fontweight="normal", pad=3)


def _joined(tile: Tile) -> Grey:
    """The pictures side by side with white gaps; as large as the largest."""
    parts = [tile.first, tile.second, np.ones_like(tile.first) if tile.peak is None else tile.peak]
    side = max(part.shape[0] for part in parts)
    gap = np.ones((side, _GAP_PX), np.float32)
    return np.concatenate([_to(parts[0], side), gap, _to(parts[1], side), gap, _to(parts[2], side)], axis=1)


def _to(picture: Grey, side: int) -> Grey:
    """A picture drawn with so many pixels a side, each the nearest of its own."""
    rows, columns = ((np.arange(side) * n // side) for n in picture.shape)
    return picture[np.ix_(rows, columns)]


def _square(picture: Grey) -> Grey:
    """The middle of a picture that is not square."""
    side = min(picture.shape)
    y, x = ((n - side) // 2 for n in picture.shape)
    return picture[y : y + side, x : x + side]


def _peak(found: CorrelationMap, shift_px: Vector) -> Grey:
    """The map's cells around the peak, the brightest white; it wraps around."""
    ny, nx = found.values.shape
    reach = np.arange(-_PEAK_CELLS, _PEAK_CELLS + 1)
    row, column = (round(s / step) for s, step in zip(shift_px, found.step_px, strict=True))
    cut = found.values[np.ix_((row + reach) % ny, (column + reach) % nx)]
    return _grey(cut, float(np.median(found.values)), float(cut.max()))


def _grey(values: Grey, low: float, high: float) -> Grey:
    return np.asarray(np.clip((values - low) / max(high - low, 1e-12), 0, 1), np.float32)
