"""Runs of the Focus class on the simulated microscope, as the tests of it begin them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import (
    CorrectionType,
    FocusMethod,
    FocusSequence,
    FocusSettings,
    FocusStep,
)
from eucentric.focus.targets import HERE, FocusTarget
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope

SURE = frozenset({CorrectionType.DEFOCUS, CorrectionType.STAGE_Z})
FINE = FocusStep(name="fine", preset="fa", tilt_rad=5e-3, pattern=PatternName.QUAD, offset_m=-0.5e-6, tolerance_m=25e-9)
BY_HAND = FocusStep(name="by hand", preset="fa", focus_method=FocusMethod.MANUAL)
HEIGHT_M = -1e-6
BOUND_M = 100e-9
"""No run here may end further from focus than it states; and none states more than this."""


def opened(size: int = 256, *, perfect: bool = True, seed: int = 3, height_m: float = HEIGHT_M, **parts: Any) -> Any:
    """A simulated microscope whose specimen is off by `height_m`; `parts` are its magnitudes."""
    magnitudes = {"specimen": {"height_m": height_m, **parts.pop("specimen", {})}, **parts}
    return open_microscope("simulated", seed=seed, perfect=perfect, size=size, magnitudes=magnitudes)


def book_of(microscope: Microscope, **changes: Any) -> CalibrationBook:
    """What it hands out, with changes to each preset."""
    book = book_from(handed_out(microscope))
    return CalibrationBook(book.instrument, {name: replace(one, **changes) for name, one in book.presets.items()})


def settings_of(*steps: FocusStep, **more: Any) -> FocusSettings:
    """A sequence of these steps."""
    return FocusSettings(sequence=FocusSequence(steps=steps), **more)


def run(
    microscope: Any, settings: FocusSettings, targets: tuple[FocusTarget, ...] = (HERE,), **options: Any
) -> tuple[RunResult, list[events.Event]]:
    """What a run came to, and all that it told; `options` are Focus' own."""
    told: list[events.Event] = []
    measure_only = options.pop("measure_only", False)
    book = options.pop("book", None) or book_of(microscope)
    focus = Focus(microscope, book, settings, observers=(told.append,), **{"confirmed": SURE, **options})
    return focus.run(targets, measure_only=measure_only), told


def of_kind(told: list[events.Event], kind: type[Any]) -> list[Any]:
    """Those events."""
    return [e for e in told if isinstance(e, kind)]
