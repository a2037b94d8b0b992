"""What the classic rules cost on an instrument: its presets as they are, one pair and one correction a step. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.errors import SettingsError
from eucentric.optimize.instrument import Instrument, Magnification
from eucentric.optimize.planning.rules import CLASSIC_REACH, Plan

_ROUNDS = 1.001
"""Limits are met where they are missed by less: the rules' numbers have two digits."""


@dataclass(frozen=True, slots=True)
class ClassicStep:
    """A step of the classic plan at one of the instrument's magnifications."""

    magnification: Magnification
    binning: int
    size_px: int

    @property
    def pixel_m(self) -> float:
        """Of the binned image."""
        return self.magnification.pixel_m * self.binning

    @property
    def dose_e_per_m2(self) -> float:
        """One pair."""
        return 2 * self.magnification.dose_per_m2


def classic_on(instrument: Instrument, plan: Plan) -> tuple[ClassicStep, ...]:
    """Each step where its accuracy and range hold with the fewest electrons.

    Raises SettingsError for a step that no magnification and binning do.
    """
    separation = plan.needs.separation_rad
    out = []
    for step in plan.steps:
        start_m = plan.needs.start_m if step is plan.steps[0] else plan.steps[plan.steps.index(step) - 1].accuracy_m
        fitting = [
            one
            for one in _every(instrument)
            if one.pixel_m <= _ROUNDS * step.accuracy_m * separation
            and CLASSIC_REACH * one.size_px * one.pixel_m >= start_m * separation / _ROUNDS
        ]
        if not fitting:
            raise SettingsError(
                f"No magnification of {instrument.name} has a pixel of {step.pixel_m * 1e9:g} nm that reaches "
                f"{start_m * 1e6:g} µm, as step '{step.name}' of the classic plan needs."
            )
        out.append(min(fitting, key=lambda one: (one.dose_e_per_m2, -one.binning)))
    return tuple(out)


def _every(instrument: Instrument) -> list[ClassicStep]:
    camera = instrument.camera
    return [ClassicStep(m, b, camera.size // b) for m in instrument.magnifications for b in camera.binnings]
