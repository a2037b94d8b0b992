"""The images of a pattern from a microscope, with beam tilt and lens put back after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from eucentric.calibration.instrument import Calibration
from eucentric.calibration.tilt_response import instrument_tilt, true_tilt
from eucentric.errors import LimitError
from eucentric.focus.patterns import Pattern
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.lens import zero_of
from eucentric.optics.aberrations import Tilt
from eucentric.units import show_length

_SAME_RAD = 1e-8  # read-backs nearer than this are the tilt asked for: 2e-6 of a defocus, and a pair stays symmetric


@dataclass(frozen=True, slots=True)
class Taking:
    """How images are taken: lens defocus added for them alone, wait after each beam tilt, approach of the lens (m)."""

    offset_m: float = 0.0
    settle_s: float = 0.0
    approach_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Acquired:
    """Frames with the tilts (y, x) from the coma-free axis at which they were taken, by read-back; rad."""

    frames: tuple[Frame, ...]
    tilts: tuple[Tilt, ...]


def acquire(microscope: Guarded, plan: Pattern, calibration: Calibration, taking: Taking = Taking()) -> Acquired:
    """Take a pattern at a lens defocus changed by the offset; beam tilt and defocus are put back after it.

    Raises LimitError before anything moves, InstrumentError.
    """
    settings = tuple(instrument_tilt(calibration, tilt) for tilt in plan.tilts)
    limit = microscope.limits.tilt_max_rad
    if max(abs(complex(*tilt)) for tilt in settings) > limit:
        raise LimitError(f"The beam would be tilted beyond the limit of {limit * 1e3:g} mrad. Use a smaller tilt.")
    before = microscope.beam_tilt_rad()
    frames, tilts = [], []
    with defocused(microscope, taking), put_back(lambda: microscope.set_beam_tilt(before)):
        for planned, setting in zip(plan.tilts, settings, strict=True):
            microscope.set_beam_tilt(setting)
            if taking.settle_s:
                microscope.wait(taking.settle_s)
            tilts.append(_read(planned, true_tilt(calibration, microscope.beam_tilt_rad())))
            frames.append(microscope.acquire())
    told = (replace(f, state=replace(f.state, tilt_rad=t)) for f, t in zip(frames, tilts, strict=True))
    return Acquired(tuple(told), tuple(tilts))


@contextmanager
def defocused(microscope: Guarded, taking: Taking) -> Iterator[None]:
    """The lens moved by the offset, and put back at the end."""
    if taking.offset_m == 0.0:
        yield
        return
    before = microscope.defocus_m()
    with put_back(lambda: approach_defocus(microscope, before, taking.approach_m)):
        approach_defocus(microscope, before + taking.offset_m, taking.approach_m)
        yield


def approach_defocus(microscope: Guarded, defocus_m: float, approach_m: float) -> None:
    """Set the lens, coming from underfocus by `approach_m` where that is given: it then always arrives alike.

    Both settings are checked against the limit before the first. Raises LimitError, InstrumentError.
    """
    now = microscope.defocus_m()
    if approach_m == 0.0 or now <= defocus_m - approach_m:
        microscope.set_defocus(defocus_m)
        return
    zero = zero_of(microscope)
    limit = microscope.limits.defocus_max_m
    if max(abs(zero + defocus_m), abs(zero + defocus_m - approach_m)) > limit:
        raise LimitError(
            f"A defocus of {show_length(defocus_m)} was asked for, approached from "
            f"{show_length(defocus_m - approach_m)}; the limit is ±{show_length(limit)}. Nothing was moved. Approach "
            "from nearer (focus approach), or ask for less."
        )
    microscope.set_defocus(defocus_m - approach_m)
    microscope.set_defocus(defocus_m)


def _read(planned: Tilt, read: Tilt) -> Tilt:
    return planned if abs(complex(*read) - complex(*planned)) < _SAME_RAD else read


@contextmanager
def put_back(action: Callable[[], None]) -> Iterator[None]:
    """Do `action` at the end; after an error it must not hide the error by one of its own.

    What fails then is tried again, and told, by `Guarded.preserved` around the whole run.
    """
    try:
        yield
    except BaseException:
        _quietly(action)
        raise
    action()


def _quietly(action: Callable[[], None]) -> None:
    with suppress(Exception):
        action()
