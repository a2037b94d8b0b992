"""How the stage is brought back: only what was moved, from below, within the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part
from eucentric.microscope.protocol import StagePosition
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope

TINY = (32, 32)


class Played(SimulatedMicroscope):
    """A stage with half a micrometre of play, whose Z reads 5 nm more each time: more than any encoder's noise."""

    def __init__(self, *, flicker_m: float) -> None:
        played = perfect()
        super().__init__(
            played.model_copy(update={"stage": played.stage.model_copy(update={"backlash_z_m": 0.5e-6})}), size=TINY
        )
        self.flicker_m, self.z_moves = flicker_m, list[float]()

    def stage(self) -> StagePosition:
        found = super().stage()
        self.flicker_m = -self.flicker_m
        return replace(found, z_m=found.z_m + 0.5 * self.flicker_m)

    def move_stage(self, **axes: float | None) -> None:
        if (z_m := axes.get("z_m")) is not None:
            self.z_moves.append(z_m)
        super().move_stage(**axes)


def test_what_flickers_after_it_was_accepted_is_not_moved() -> None:
    """What was measured last stays as it was measured, whatever the encoder says meanwhile."""
    for flicker_m in (5e-9, 200e-9):
        inner = Played(flicker_m=flicker_m)
        scope = Guarded(inner)
        with scope.preserved() as memory:
            scope.move_stage(z_m=3e-6)
            memory.accept(Part.STAGE_Z)
            scope.set_beam_tilt((1e-3, 0.0))
        assert inner.z_moves == [3e-6]
    # Moved since and brought back by the caller: what then is left is noise, below 20 nm.
    inner = Played(flicker_m=18e-9)
    scope = Guarded(inner)
    with scope.preserved():
        for z_m in (3e-6, -3e-6, 0.0):
            scope.move_stage(z_m=z_m)
    assert inner.z_moves == [3e-6, -3e-6, 0.0]


def test_height_is_restored_and_not_only_its_reading() -> None:
    """A probe of Z upwards fails: Z comes back from below, as it had come, and so does the stage tilt."""
    inner = Played(flicker_m=0.0)
    scope = Guarded(inner)
    scope.move_stage(z_m=1e-6, alpha_rad=0.01)
    before = inner.goniometer.place()
    with pytest.raises(RuntimeError), scope.preserved():
        _moves_and_fails(scope)
    after = inner.goniometer.place()
    assert after.z_m == pytest.approx(before.z_m, abs=1e-12)
    assert after.alpha_rad == pytest.approx(before.alpha_rad, abs=1e-12)


def test_the_approach_keeps_to_the_limits() -> None:
    inner = Played(flicker_m=0.0)
    scope = Guarded(inner)
    limit = scope.limits.stage_z_max_m
    for z_m in (1e-6 - limit, -limit):
        scope.move_stage(z_m=z_m)
        with scope.preserved():
            scope.move_stage(z_m=0.0)
        assert scope.stage().z_m == z_m
    assert min(inner.z_moves) == -limit


def _moves_and_fails(scope: Guarded) -> None:
    scope.move_stage(z_m=4e-6, alpha_rad=0.02)
    raise RuntimeError
