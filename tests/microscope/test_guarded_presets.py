"""Presets defined through the guard: limits before, read-back after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eucentric.errors import InputError, InstrumentError, LimitError, NotArrivedError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Capabilities, Preset
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope


def tiny(kind: type[SimulatedMicroscope] = SimulatedMicroscope, dropped: float = 0.0) -> SimulatedMicroscope:
    return kind(perfect().model_copy(update={"dropped_writes": dropped}), seed=1, size=(32, 32))


def exposure(scope: Any, **changes: Any) -> Preset:
    fa: Preset = next(p for p in scope.presets() if p.name == "fa")
    return replace(fa, name="ex", **changes)


def test_an_image_shift_beyond_the_limit_defines_nothing() -> None:
    scope = Guarded(tiny())
    own = scope.presets()
    with pytest.raises(LimitError, match=r"Image shift of 30.000 µm"):
        scope.define_preset(exposure(scope, image_shift_m=(0.0, 30e-6)), "fa")
    with pytest.raises(InputError, match="no preset 'nowhere'"):
        scope.define_preset(exposure(scope), "nowhere")
    assert scope.presets() == own


def test_one_that_was_not_taken_is_noticed() -> None:
    """Dropped at first; taken otherwise than asked; not changed when it should be."""
    dropped = Guarded(tiny(dropped=1.0))
    with pytest.raises(NotArrivedError, match=r"'ex' was defined, but the microscope has none of that name. Try again"):
        dropped.define_preset(exposure(dropped), "fa")

    class Rounds(SimulatedMicroscope):
        def define_preset(self, preset: Preset, like: str) -> None:
            super().define_preset(replace(preset, exposure_s=1.0), like)

    rounds = Guarded(tiny(Rounds))
    with pytest.raises(NotArrivedError, match=r"another one of that name \(exposure_s 1.0 instead of 0.7\)"):
        rounds.define_preset(exposure(rounds, exposure_s=0.7), "fa")


def test_an_instrument_that_takes_none_is_not_asked() -> None:
    class Fixed(SimulatedMicroscope):
        @property
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities, define_presets=False)

        def define_preset(self, preset: Preset, like: str) -> None:
            raise AssertionError(f"asked for {preset} like {like}")

    scope = Guarded(tiny(Fixed))
    with pytest.raises(InstrumentError, match=r"takes no presets from outside. Define 'ex' there by hand, like 'fa'"):
        scope.define_preset(exposure(scope), "fa")
