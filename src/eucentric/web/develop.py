"""What the page shows of one measurement: its images, maps, cuts, coherence and power spectrum. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eucentric.correlation.classic import classic_map
from eucentric.correlation.search import SearchRange
from eucentric.correlation.shift import CorrelationMap, Method, Shift
from eucentric.errors import InputError
from eucentric.figures.correlation import Searched, cut_through
from eucentric.figures.line import ExpectedLine, expected_line
from eucentric.focus.patterns import Link
from eucentric.focus.result import DefocusResult
from eucentric.images.frame import Frame
from eucentric.images.prepare import prepare
from eucentric.optics.aberrations import Tilt
from eucentric.units import minus
from eucentric.web.packets import Packet
from eucentric.web.pictures import SIDE_PX, equal_contrast, lit_moved, map_picture, peak_picture, power_spectrum
from eucentric.web.words import offset_words

RAW = (Method.CROSS, Method.PHASE)
_CUT_POINTS = 1600
_STAGE_MOVED_RAD = 1e-3  # less is the flicker of an encoder
_DIGITS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One measurement as it was made: what is looked at afterwards. `number` is its own, `c3_m` None: not known."""

    number: int
    step: str
    frames: tuple[Frame, ...]
    links: tuple[Link, ...]
    result: DefocusResult
    c3_m: float | None

    def tilts(self, link: int) -> tuple[Tilt, Tilt]:
        """The tilts (y, x) of a compared pair; of images on a tilted stage, the beam tilts that would move them so."""
        tilts = self.result.exposures.tilts
        if self.by_stage:
            return tilts[0], tilts[1 + link]
        first, second = self.links[link]
        return tilts[first], tilts[second]

    @property
    def by_stage(self) -> bool:
        """Whether the stage was tilted, not the beam."""
        alphas = [frame.state.stage_alpha_rad for frame in self.frames]
        known = [alpha for alpha in alphas if alpha is not None]
        return len(known) > 1 and max(known) - min(known) > _STAGE_MOVED_RAD


def images(number: int, step: str, frames: tuple[Frame, ...], side_px: int = SIDE_PX) -> Packet:
    """All images of a pattern, black and white at the same values, binned to about `side_px`."""
    about = {"number": number, "step": step, "images": [_image(frame) for frame in frames]}
    return Packet("images", about, equal_contrast([frame.pixels for frame in frames], side_px))


def live(frame: Frame, what: str) -> Packet:
    """One image by itself."""
    return Packet("live", {"what": what, "images": [_image(frame)]}, equal_contrast([frame.pixels]))


def _image(frame: Frame) -> dict[str, Any]:
    """What stands beside an image: SI; the tilt as [y, x], and in words."""
    state = frame.state
    return {
        "shape": list(frame.shape),
        "pixel_m": frame.pixel_m,
        "tilt_rad": None if state.tilt_rad is None else list(state.tilt_rad),
        "alpha_rad": state.stage_alpha_rad,
        "preset": state.preset,
        "defocus_m": state.defocus_m,
        "exposure_s": frame.exposure_s,
        "dose_e_per_m2": frame.dose_e_per_m2,
        "time_s": frame.time_s,
    }


def spectrum(kind: str, frame: Frame, about: dict[str, Any]) -> Packet | None:
    """The power spectrum of an image; None where its pixel size is not known."""
    if frame.pixel_m is None:
        return None
    made = power_spectrum(frame.pixels, frame.pixel_m)
    return Packet(kind, {**about, "edge_per_m": made.edge_per_m}, (made.picture,))


def maps(looked: Looked) -> Iterator[Packet | tuple[str, Any]]:
    """The maps in which the shifts were found, and the curves beside them."""
    found = [shift.map for shift in looked.result.shifts]
    yield _maps("map", looked, found)
    yield "curves", curves(looked)


def raw(looked: Looked, method: Method) -> Iterator[Packet | tuple[str, Any]]:
    """The maps as other programs make them: the whole images, wrapped, nothing compensated."""
    made: list[CorrelationMap] = []
    for first, second in looked.links:
        one, two = (prepare(looked.frames[k].pixels).values for k in (first, second))
        made.append(classic_map(one, two, method, workers=1))
    yield _maps(f"map-{method}", looked, made)
    yield f"cut-{method}", {"number": looked.number, "cuts": [_cut(looked, k, found) for k, found in enumerate(made)]}


def _maps(kind: str, looked: Looked, found: list[CorrelationMap] | list[CorrelationMap | None]) -> Packet:
    """Of each map two planes: all of it, reduced, and what is around its peak, cell by cell."""
    there = [(k, one) for k, one in enumerate(found) if one is not None]
    pictures = [(*map_picture(one), *peak_picture(one)) for _, one in there]
    about = {
        "number": looked.number,
        "maps": [
            {"link": k, "box_px": list(box), "near_px": list(near), "peak_px": list(one.shift_of(*one.peak))}
            for (k, one), (_, box, _, near) in zip(there, pictures, strict=True)
        ],
    }
    return Packet(kind, about, tuple(plane for one in pictures for plane in (one[0], one[2])))


def curves(looked: Looked) -> dict[str, Any]:
    """Of each compared pair: the cut through its peak, its coherence, where defocus would put it, the lit area."""
    return {
        "number": looked.number,
        "step": looked.step,
        "method": str(looked.result.shift.method),
        "offset": offset_words(looked.result.offset_m) if looked.result.offset_m else None,
        "pixel_m": looked.result.pixel_m,
        "links": [_link(looked, k, shift) for k, shift in enumerate(looked.result.shifts)],
    }


def _link(looked: Looked, k: int, shift: Shift) -> dict[str, Any]:
    first, second = looked.links[k]
    rival = shift.runner_up
    moved = lit_moved(looked.frames[first].pixels, looked.frames[second].pixels)
    return {
        "link": [first, second],
        "tilts_rad": [list(tilt) for tilt in looked.tilts(k)],
        "title": _title(looked, k),
        "by_stage": looked.by_stage,
        "shift_px": list(shift.shift_px),
        "sigma_px": None if shift.sigma_px is None else list(shift.sigma_px),
        "rival_px": None if rival is None else list(rival.shift_px),
        "overlap": shift.overlap,
        "lit": list(shift.lit),
        "lit_moved": moved,
        "line": _line(looked, k),
        "cut": None if shift.map is None else _cut(looked, k, shift.map),
        "coherence": _coherence(shift, looked.result.pixel_m),
    }


def _title(looked: Looked, k: int) -> str:
    first, second = looked.links[k]
    if looked.by_stage:
        alphas = [looked.frames[i].state.stage_alpha_rad or 0.0 for i in (first, second)]
        return " / ".join(minus(f"{math.degrees(a):+.2f}°") for a in alphas)
    one, two = looked.tilts(k)
    apart = np.subtract(two, one)
    direction = math.degrees(math.atan2(apart[0], apart[1]))
    return minus(f"±{float(np.hypot(*apart)) / 2e-3:.3g} mrad along {direction:.0f}°")


def _geometry(looked: Looked, k: int) -> ExpectedLine | None:
    try:
        return expected_line(looked.tilts(k), looked.result.pixel_m, c3_m=looked.c3_m or 0.0)
    except InputError:  # both tilts are the same: no direction
        return None


def _line(looked: Looked, k: int) -> dict[str, Any] | None:
    """s(C1) in pixels: `offset_px` + C1 · `px_per_m` along `unit`, all (y, x)."""
    line = _geometry(looked, k)
    if line is None:
        return None
    return {"unit": list(line.unit), "offset_px": list(line.offset_px), "px_per_m": line.px_per_m}


def _cut(looked: Looked, k: int, found: CorrelationMap) -> dict[str, Any] | None:
    """The map along the tilt through its own peak, and the defocus in µm at each place (as taken, offset included)."""
    line = _geometry(looked, k)
    if line is None:
        return None
    peak = found.shift_of(*found.peak)
    cut = cut_through(found, peak, line, Searched(looked.frames[looked.links[k][0]].shape, SearchRange().min_overlap))
    every = max(math.ceil(cut.along_px.size / _CUT_POINTS), 1)
    size = cut.along_px.size // every * every
    blocks = cut.values[:size].reshape(-1, every)
    along = cut.along_px[:size].reshape(-1, every).mean(axis=1)
    return {
        "along_px": _numbers(along),
        "defocus_um": _numbers(line.defocus_um(along)),
        "values": _numbers(blocks.max(axis=1)),
        "searched": [bool(np.any(v)) for v in cut.searched[:size].reshape(-1, every)],
        "peak_px": line.along_px(peak),
    }


def _coherence(shift: Shift, pixel_m: float) -> dict[str, Any] | None:
    told = shift.coherence
    if told is None:
        return None
    return {
        "frequency_per_nm": _numbers(told.frequency / (pixel_m * 1e9)),
        "gamma": _numbers(np.clip(told.gamma, -1, 1)),
        "noise": _numbers(2 * told.noise),
        "used": [bool(v) for v in told.used],
    }


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Rounded to what a plot shows; None where not finite."""
    return [float(f"{v:.{_DIGITS}g}") if math.isfinite(v) else None for v in values.tolist()]
