"""Known bad measurements: pairs with nothing in common, made of stored ones; and peaks that lie anywhere. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray

from eucentric.correlation.search import SearchRange
from eucentric.correlation.shift import Vector
from eucentric.focus.measure import measure_frames
from eucentric.focus.result import DefocusResult
from eucentric.focus.solve import LinkShift, solve
from eucentric.images.frame import Frame
from eucentric.optimize.tuning.repeats import Repeat

_PLAIN_SIGMA_PX = 0.5
"""1σ of a peak that nothing common made: it is read as one of a plain correlator is."""


def without_phase(frame: Frame, rng: np.random.Generator) -> Frame:
    """The image with the same power at each frequency and random phases: equally bright, contrasty and grained, and
    with nothing left of where things are.

    The phases are those of white noise, which keeps the image real. Its edge fades, so that its spectrum is its own and
    not that of the jump between opposite edges.
    """
    pixels = np.asarray(frame.pixels, np.float32)
    mean = float(pixels.mean())
    fade = np.sqrt(_faded(pixels.shape[0])[:, None] * _faded(pixels.shape[1])[None])
    spectrum = np.abs(sf.rfft2((pixels - mean) * fade)) / float(np.sqrt(np.mean(fade**2)))
    noise = sf.rfft2(rng.standard_normal(pixels.shape, np.float32))
    turned = spectrum * noise / np.maximum(np.abs(noise), 1e-20)
    turned[0, 0] = 0.0
    return replace(frame, pixels=np.asarray(sf.irfft2(turned, s=pixels.shape) + mean, np.float32))


def _faded(n: int) -> NDArray[np.float32]:
    """A squared sine that rises over an eighth of each end."""
    reach = max(n // 8, 1)
    rise = np.sin(0.5 * np.pi * np.minimum(np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / reach, 1)) ** 2
    return np.asarray(rise, np.float32)


def measure_blank(frames: tuple[Frame, ...], like: Repeat, rng: np.random.Generator) -> Repeat:
    """The measurement that was made of these frames, made again without anything in common: the second image of each
    pair has random phases."""
    seconds = {second for _, second in like.links}
    blank = tuple(without_phase(f, rng) if i in seconds else f for i, f in enumerate(frames))
    result = measure_frames(blank, like.result.exposures.tilts, like.links, like.how)
    return replace(like, result=without_maps(result))


def without_maps(result: DefocusResult) -> DefocusResult:
    """The result without its maps: those of many would fill the memory."""
    return replace(result, shifts=tuple(replace(shift, map=None) for shift in result.shifts))


@dataclass(frozen=True, slots=True)
class Peak:
    """What a measurement with peaks anywhere would say: χ² in all, defocus, squared misfit in unbinned px²."""

    chi2: float
    c1_m: float
    misfit_px2: float


def random_peaks(like: Repeat, shape: tuple[int, int], count: int, rng: np.random.Generator) -> tuple[Peak, ...]:
    """Measurements whose peaks lie anywhere in the searched range, all shifts alike: what happens when nothing is
    recognised and nobody asks whether it is. `shape` (ny, nx) is that of the images.
    """
    return tuple(_peak(like, [_anywhere(shape, rng) for _ in like.links]) for _ in range(count))


def _anywhere(shape: tuple[int, int], rng: np.random.Generator) -> Vector:
    """A shift in pixels that leaves the smallest searched overlap or more."""
    least = SearchRange().min_overlap
    while True:
        y, x = rng.uniform(-1, 1, 2)
        if (1 - abs(y)) * (1 - abs(x)) >= least:
            return float(y * shape[0]), float(x * shape[1])


def _peak(like: Repeat, shifts_px: Sequence[Vector]) -> Peak:
    result, how = like.result, like.how
    pixel_m, exposures = result.pixel_m, result.exposures
    covariance = np.eye(2) * (_PLAIN_SIGMA_PX * pixel_m) ** 2
    links = tuple(
        LinkShift(link, (y * pixel_m, x * pixel_m), covariance)
        for link, (y, x) in zip(like.links, shifts_px, strict=True)
    )
    solved = solve(exposures, links, c3_m=how.column.c3_m, prior=how.uncertainty)
    misfit = max(
        across_px(exposures.tilts[i], exposures.tilts[j], shift) ** 2
        for (i, j), shift in zip(like.links, shifts_px, strict=True)
    )
    return Peak(solved.chi2, solved.c1_m - how.offset_m, misfit * how.binning**2)


def across_px(first: Vector, second: Vector, shift: Vector) -> float:
    """The part (with its sign) of a shift (y, x) that is across the step of the tilt from `first` to `second`."""
    y, x = second[0] - first[0], second[1] - first[1]
    return (shift[0] * x - shift[1] * y) / math.hypot(y, x)
