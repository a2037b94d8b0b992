"""Two images of a pair side by side at equal contrast, with scale bars and the direction of each tilt."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrow, Rectangle
from numpy.typing import NDArray

from eucentric.figures.style import ORANGE, length_label, outlined, quiet, round_length
from eucentric.optics.aberrations import Tilt
from eucentric.units import minus

_SIDE_PX = 512
"""Images are binned to about this side: what a panel can show, with less noise."""
_TAILS_PERCENT = (0.5, 99.5)


def draw_pair(
    axes: tuple[Axes, Axes],
    images: tuple[NDArray[np.generic], NDArray[np.generic]],
    tilts: tuple[Tilt, Tilt],
    pixel_m: float,
    *,
    stage_tilts_rad: tuple[float, float] | None = None,
) -> None:
    """Draw two images (ny, nx), taken at `tilts` (y, x) in radians, row 0 at the top.

    Of images that differ by the tilt of the stage, `tilts` are the beam tilts that would move them alike.
    """
    small = [binned(image, _SIDE_PX) for image in images]
    low, high = np.percentile(np.concatenate([image.ravel() for image in small]), _TAILS_PERCENT)
    longest = max(float(np.hypot(*tilt)) for tilt in tilts) or 1.0
    for n, (ax, image, small_image, tilt) in enumerate(zip(axes, images, small, tilts, strict=True)):
        ny, nx = image.shape
        ax.imshow(small_image, cmap="gray", vmin=low, vmax=max(high, low + 1e-12), extent=(0, nx, ny, 0))
        _scale_bar(ax, (ny, nx), pixel_m)
        _tilt_arrow(ax, (ny, nx), (tilt[0] / longest, tilt[1] / longest))
        stage = None if stage_tilts_rad is None else stage_tilts_rad[n]
        ax.set_title(f"{('First', 'Second')[n]}: {_tilt_words(tilt, stage)}")
        quiet(ax)


def _tilt_words(tilt: Tilt, stage_rad: float | None) -> str:
    if stage_rad is not None:
        return minus(f"stage tilt {round(np.degrees(stage_rad), 2) + 0.0:+.2f}°")
    x, y = (round(part * 1e3, 2) + 0.0 for part in (tilt[1], tilt[0]))  # + 0.0: no "−0.00"
    return minus(f"tilt x {x:+.2f}, y {y:+.2f} mrad")


def binned(image: NDArray[np.generic], side_px: int) -> NDArray[np.float32]:
    """The image averaged over whole blocks, its longer side about `side_px`; smaller images stay as they are."""
    pixels = np.asarray(image, dtype=np.float32)
    block = max(round(max(pixels.shape) / side_px), 1)
    ny, nx = (n // block * block for n in pixels.shape)
    blocks = pixels[:ny, :nx].reshape(ny // block, block, nx // block, block)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def _scale_bar(ax: Axes, shape: tuple[int, int], pixel_m: float) -> None:
    """A bar of a round length, about a fifth of the width, bottom left."""
    ny, nx = shape
    length_m = round_length(nx * pixel_m / 4)
    length = length_m / pixel_m
    left, top, thick = 0.04 * nx, 0.945 * ny, 0.014 * ny
    ax.add_patch(Rectangle((left, top), length, thick, facecolor="white", edgecolor="black", linewidth=0.8))
    ax.text(left + length / 2, top - 0.012 * ny, length_label(length_m), color="white", ha="center", va="bottom",
            path_effects=outlined())  # fmt: skip


def _tilt_arrow(ax: Axes, shape: tuple[int, int], tilt: Tilt) -> None:
    """An arrow from the axis (a dot) towards the tilt, in units of the longer one, bottom right."""
    ny, nx = shape
    reach = 0.13 * min(ny, nx)
    x0, y0 = nx - 1.25 * reach, ny - 1.25 * reach
    dx, dy, head = reach * tilt[1], reach * tilt[0], 0.45 * reach
    arrow = FancyArrow(x0, y0, dx, dy, width=0.13 * reach, head_width=head, head_length=head, length_includes_head=True)
    arrow.set(facecolor=ORANGE, edgecolor="black")
    ax.add_patch(arrow)
    ax.plot(x0, y0, "o", color=ORANGE, markeredgecolor="black", markersize=7)
