"""Instruments and candidates that the tests of plans are made with."""

from __future__ import annotations

import functools

from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import Instrument, instrument_of
from eucentric.optimize.planning.candidate import Candidate


@functools.cache
def instrument(name: str = "200kv-side-entry") -> Instrument:
    """A shipped one."""
    return instrument_of(name)


def candidate(preset: str, binning: int, tilt_rad: float, **changes: object) -> Candidate:
    """A pair at a magnification, corrected by Z where nothing else is said."""
    there = changes.pop("instrument", instrument())
    assert isinstance(there, Instrument)
    magnification = next(m for m in there.magnifications if m.name == preset)
    values: dict[str, object] = {"size_px": 1024, "pattern": PatternName.PAIR, "offset_m": -0.5e-6}
    values |= {"correction": CorrectionType.STAGE_Z, **changes}
    return Candidate(magnification=magnification, binning=binning, tilt_rad=tilt_rad, **values)  # type: ignore[arg-type]


def with_(part: str, **values: float) -> Instrument:
    """The shipped one with other values in one part."""
    there = instrument()
    return there.model_copy(update={part: getattr(there, part).model_copy(update=values)})


def brighter(factor: float, there: Instrument | None = None) -> Instrument:
    """The same with so many times the electrons."""
    there = there or instrument()
    lit = tuple(m.model_copy(update={"dose_per_m2": factor * m.dose_per_m2}) for m in there.magnifications)
    return there.model_copy(update={"magnifications": lit})
