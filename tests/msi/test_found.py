"""How an instrument is found, and the way back to that."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eucentric.errors import LimitError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Capabilities
from eucentric.msi.found import go_alpha, look, put_right, z_room
from tests.e2e.wrapped import Counting, Through
from tests.msi.small import opened


def test_all_that_a_run_left_changed_is_put_back_and_told() -> None:
    scope = Guarded(opened())
    wanted = look(scope)
    scope.set_preset("fa")
    scope.set_beam_tilt((5e-3, 0.0))
    scope.set_image_shift((1e-6, 0.0))
    scope.set_stigmator((0.1, 0.0))
    scope.set_defocus(3e-6)
    scope.reset_defocus()
    scope.set_defocus(-1e-6)
    scope.move_stage(x_m=1e-5, y_m=2e-5, z_m=3e-5, alpha_rad=0.3)
    said: list[str] = []
    put_right(scope, wanted, said.append)
    assert look(scope) == wanted
    parts = (
        "preset",
        "Beam tilt",
        "Image shift",
        "stigmator",
        "Defocus zero",
        "lens",
        "Stage tilt",
        "stage (y, x)",
        "Stage z",
    )
    assert len(said) == len(parts)
    for part, sentence in zip(parts, said, strict=True):
        assert part in sentence
    assert said[-1] == "Stage z was found at 30.000 µm and is put back to 0.0 nm."


def test_a_z_that_is_turned_by_hand_stays_where_it_is() -> None:
    class ByHand(Through):
        @property
        def capabilities(self) -> Capabilities:
            return replace(self.inner.capabilities, stage_z=False)

    inner = opened()
    wanted = look(Guarded(inner))
    inner.move_stage(z_m=30e-6)
    put_right(Guarded(ByHand(inner)), wanted, lambda _: None)
    assert inner.stage().z_m == 30e-6


def test_what_is_as_it_was_is_left_alone() -> None:
    microscope = Counting(opened())
    scope = Guarded(microscope)
    wanted = look(scope)
    microscope.names.clear()
    said: list[str] = []
    put_right(scope, wanted, said.append)
    assert said == []
    assert not [name for name in microscope.names if name.startswith(("set_", "move_", "reset_"))]


def test_alpha_arrives_from_below() -> None:
    inner = opened()
    scope = Guarded(inner)
    for goal in (0.5, -0.5, 0.0):
        go_alpha(scope, goal)
        assert scope.stage().alpha_rad == goal
        assert inner.goniometer._side["alpha_rad"] == 1.0  # the last move went up


def test_where_the_limit_leaves_no_room_the_way_from_below_is_shorter() -> None:
    scope = Guarded(opened())
    lowest = -scope.limits.stage_z_max_m
    assert z_room(scope, lowest) == 0.0
    assert z_room(scope, lowest + 1e-6) == pytest.approx(1e-6)
    assert z_room(scope, 0.0, 2e-6) == 2e-6


def test_a_tilt_beyond_the_limit_is_refused() -> None:
    scope = Guarded(opened())
    with pytest.raises(LimitError):
        go_alpha(scope, math.radians(80))
