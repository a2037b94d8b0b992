"""The correlation map, the neighbourhood of its peak, and the cut along the expected line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from eucentric.correlation.shift import CorrelationMap, Shift, Vector
from eucentric.figures.line import ExpectedLine
from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, outlined, round_length
from eucentric.units import minus

_PANEL_PX = 360
_ZOOM_CELLS = 20
_CLIP = 4.0
"""White is this many times as far above the median as the 99th percentile is."""
_SIGN_OF_PEAK = {"marker": "o", "markersize": 12, "markerfacecolor": "none", "markeredgewidth": 2}


@dataclass(frozen=True, slots=True)
class Searched:
    """What was searched: images of `shape` (ny, nx), down to `min_overlap` of their area."""

    shape: tuple[int, int]
    min_overlap: float

    def overlap(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The common area at a shift in pixels, as a fraction of the image."""
        ny, nx = self.shape
        return np.asarray(np.clip(1 - np.abs(y) / ny, 0, None) * np.clip(1 - np.abs(x) / nx, 0, None))


def draw_map(ax: Axes, shift: Shift, line: ExpectedLine, searched: Searched) -> None:
    """The whole map, no shift in the middle: expected line with its defocus, search limit, peak and runner-up."""
    ax.set_title("Correlation map")
    ax.set_xlabel("shift x (pixels)")
    ax.set_ylabel("shift y (pixels)")
    if shift.map is None:
        _nothing(ax, "This result has no map.")
        return
    values, box = brightest(shift.map, _PANEL_PX)
    _show_map(ax, values, box)
    ax.set_xlim(box[0], box[1])
    ax.set_ylim(box[2], box[3])
    _search_limit(ax, searched)
    shown = min(abs(edge) for edge in box)
    _line_with_defocus(ax, line, min(line.reach_px(searched.shape) * (1 - searched.min_overlap), 0.9 * shown))
    _marks(ax, shift)
    ax.set_xlim(box[0], box[1])
    ax.set_ylim(box[2], box[3])
    ax.legend(loc="lower center", ncols=3, fontsize=8, handlelength=1.2, handletextpad=0.4, columnspacing=0.8,
              frameon=True, framealpha=0.9, borderaxespad=0.3, markerscale=0.6)  # fmt: skip


def draw_peak(ax: Axes, shift: Shift, line: ExpectedLine) -> None:
    """The neighbourhood of the peak, cell by cell."""
    y, x = shift.shift_px
    ax.set_title("Around the peak")
    ax.set_xlabel("shift x (pixels)")
    ax.set_ylabel("shift y (pixels)")
    if shift.map is None:
        _nothing(ax, "This result has no map.")
        return
    dy, dx = shift.map.step_px
    half = _ZOOM_CELLS * max(dy, dx)
    _show_map(ax, shift.map.centred(), _box(shift.map))
    cross, along = line.along_px((y, x)), np.array([-4.0, 4.0]) * half
    ax.plot(line.offset_px[1] + line.unit[1] * (along + cross), line.offset_px[0] + line.unit[0] * (along + cross),
            color=ORANGE, linewidth=1.2, path_effects=outlined(2))  # fmt: skip
    ax.plot(0, 0, "+", color="white", markersize=12, path_effects=outlined())
    _marks(ax, shift)
    ax.set_xlim(x - half, x + half)
    ax.set_ylim(y + half, y - half)


def draw_cut(ax: Axes, shift: Shift, line: ExpectedLine, searched: Searched) -> None:
    """The map along the tilt through the peak; pixels below, µm of defocus above."""
    ax.set_title("Cut along the tilt, through the peak", pad=34)
    ax.set_xlabel("shift along the tilt (pixels)")
    ax.set_ylabel("correlation (largest = 1)")
    if shift.map is None:
        _nothing(ax, "This result has no map.")
        return
    top = ax.secondary_xaxis("top", functions=(line.defocus_um, line.along_of_um))
    top.set_xlabel("defocus (µm; positive is overfocus)")
    cut = cut_through(shift.map, shift.shift_px, line, searched)
    along, values = cut.along_px, cut.values
    ax.fill_between(along, -1, 2, where=~cut.searched, color=GREY, alpha=0.18, linewidth=0, label="not searched")
    ax.plot(along, values, color=BLUE, linewidth=0.9)
    ax.axvline(line.along_px(shift.shift_px), color=GREEN, linewidth=1.2, linestyle="--", label="peak")
    if shift.runner_up is not None:
        place = line.along_px(shift.runner_up.shift_px)
        ax.axvline(place, color=RED, linewidth=1.2, linestyle=":", label="runner-up (projected)")
    ax.set_xlim(along[0], along[-1])
    ax.set_ylim(min(float(values.min()), 0.0) - 0.05, 1.12)
    ax.legend(loc="upper right" if line.along_px(shift.shift_px) < 0 else "upper left")


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A map along the tilt through a place: shifts in pixels, the values there (largest of the map 1), and whether they
    were searched."""

    along_px: NDArray[np.float64]
    values: NDArray[np.float64]
    searched: NDArray[np.bool_]


def cut_through(found: CorrelationMap, peak: Vector, line: ExpectedLine, searched: Searched) -> Cut:
    """The map along the tilt through `peak` (y, x) pixels."""
    ny, nx = found.values.shape
    dy, dx = found.step_px
    centre = line.along_px(peak)
    across = (peak[0] - centre * line.unit[0], peak[1] - centre * line.unit[1])
    reach = float(np.hypot(ny * dy, nx * dx)) / 2
    along = np.arange(-reach, reach, min(dy, dx) / 2)
    y, x = across[0] + along * line.unit[0], across[1] + along * line.unit[1]
    there = (np.abs(y) <= ny * dy / 2) & (np.abs(x) <= nx * dx / 2)
    along, y, x = along[there], y[there], x[there]
    values = map_coordinates(found.values.astype(np.float64), [y / dy % ny, x / dx % nx], order=1, mode="grid-wrap")
    scale = float(np.max(np.abs(found.values))) or 1.0
    return Cut(along, np.asarray(values / scale), searched.overlap(y, x) >= searched.min_overlap)


def _show_map(ax: Axes, values: NDArray[np.float32], box: tuple[float, float, float, float]) -> None:
    """The map in greys, bright enough that the noise around the peak is seen too: the peak itself is clipped."""
    low, middle, bright = (float(v) for v in np.percentile(values, (1, 50, 99)))
    high = min(float(values.max()), middle + _CLIP * (bright - middle))
    ax.imshow(values, cmap="gray", extent=box, vmin=low, vmax=max(high, low + 1e-12), interpolation="nearest")
    ax.set_aspect("equal")


def _box(found: CorrelationMap) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of the centred map in pixels of shift; cells are centred on their shift."""
    (ny, nx), (dy, dx) = found.values.shape, found.step_px
    left, top = -(nx // 2 + 0.5) * dx, -(ny // 2 + 0.5) * dy
    return (left, left + nx * dx, top + ny * dy, top)


def brightest(found: CorrelationMap, panel_px: int) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
    """The centred map reduced to at most `panel_px` a side by keeping the brightest of each block (no peak gets lost),
    and its left, right, bottom and top edge in pixels of shift.
    """
    values = found.centred()
    block = max(int(np.ceil(max(values.shape) / panel_px)), 1)
    left, right, bottom, top = _box(found)
    padding = [(0, -n % block) for n in values.shape]
    padded = np.pad(values, padding, mode="edge")
    ny, nx = padded.shape
    box = (left, left + (right - left) * nx / values.shape[1], top + (bottom - top) * ny / values.shape[0], top)
    return padded.reshape(ny // block, block, nx // block, block).max(axis=(1, 3)), box


def _search_limit(ax: Axes, searched: Searched) -> None:
    """The edge of the searched shifts: where the overlap falls to its minimum."""
    ny, nx = searched.shape
    reach = 1 - searched.min_overlap
    x = np.linspace(-reach, reach, 201)
    y = 1 - searched.min_overlap / (1 - np.abs(x))
    outline = np.concatenate([np.stack([x, y]), np.stack([x[::-1], -y[::-1]])], axis=1)
    ax.plot(outline[0] * nx, outline[1] * ny, color=SKY, linewidth=1.3, linestyle=(0, (4, 2)))
    ax.text(0, -0.97 * reach * ny, "search limit", color=SKY, fontsize=9, ha="center", va="top", clip_on=True,
            bbox={"facecolor": "black", "alpha": 0.7, "linewidth": 0, "pad": 1.5})  # fmt: skip


def _line_with_defocus(ax: Axes, line: ExpectedLine, reach: float) -> None:
    """The expected line, `reach` pixels to both sides, with a few values of defocus along it."""
    ends = np.array([-reach, reach])
    ax.plot(line.offset_px[1] + ends * line.unit[1], line.offset_px[0] + ends * line.unit[0],
            color=ORANGE, linewidth=1.4, label="pure defocus", path_effects=outlined(2))  # fmt: skip
    step = round_length(0.95 * reach / line.px_per_m * 1e6)
    for value in (-step, 0.0, step):
        along = float(line.along_of_um(value)) - line.along_px(line.offset_px)
        y, x = line.offset_px[0] + along * line.unit[0], line.offset_px[1] + along * line.unit[1]
        ax.plot(x, y, "|" if abs(line.unit[1]) > abs(line.unit[0]) else "_", color=ORANGE, markersize=9,
                markeredgewidth=2, path_effects=outlined(2))  # fmt: skip
        if value:
            ax.annotate(minus(f"{value:+g} µm"), (x, y), xytext=(0, 9), textcoords="offset points", color=ORANGE,
                        ha="center", bbox={"facecolor": "black", "alpha": 0.7, "linewidth": 0, "pad": 1.5})  # fmt: skip


def _marks(ax: Axes, shift: Shift) -> None:
    """Circle the peak and its runner-up."""
    y, x = shift.shift_px
    ax.plot(x, y, color=GREEN, markeredgecolor=GREEN, linestyle="none", label="peak", **_SIGN_OF_PEAK)  # type: ignore[arg-type]
    if shift.runner_up is not None:
        ry, rx = shift.runner_up.shift_px
        ax.plot(rx, ry, color=RED, marker="s", markersize=11, markerfacecolor="none", markeredgewidth=2,
                linestyle="none", label="runner-up")  # fmt: skip


def _nothing(ax: Axes, sentence: str) -> None:
    ax.text(0.5, 0.5, sentence, transform=ax.transAxes, ha="center", va="center", color=GREY)
