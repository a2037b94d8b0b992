"""A simulated microscope with one fault on, ready for the calibrations of stage and lens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope


@dataclass(frozen=True)
class Scope:
    """The simulation, the guard around it, and what it hands out about itself."""

    inner: Microscope
    guarded: Guarded
    book: CalibrationBook

    def state(self) -> tuple[object, ...]:
        """All that a procedure has to leave as it was."""
        scope = self.inner
        return (scope.preset().name, scope.beam_tilt_rad(), scope.focus_m(), scope.stigmator(), scope.stage())


def scope_with(
    *, size: int = 256, seed: int = 1, perfect: bool = True, specimen: Mapping[str, Any] | None = None, **faults: Any
) -> Scope:
    """A perfect microscope (or a default one) but for `faults`, a part's magnitudes each: stage={"backlash_z_m": 1e-6}.

    The film stands at eucentric height, seen in focus, where `specimen` says nothing else.
    """
    magnitudes = {"specimen": {"height_m": 0.0, **(specimen or {})}, **faults}
    inner = open_microscope("simulated", seed=seed, perfect=perfect, size=size, magnitudes=magnitudes)
    return Scope(inner, Guarded(inner), book_from(handed_out(inner)))
