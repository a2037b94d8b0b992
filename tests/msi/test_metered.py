"""A guard that tells each image, and shares all else with the guard that it is made from."""

from __future__ import annotations

import pytest

from eucentric.errors import KeepError
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part
from eucentric.msi.metered import Metered
from tests.msi.small import opened


def test_each_image_is_told_and_both_checkpoints_are_looked_at() -> None:
    looked: list[str] = []
    taken: list[Frame] = []
    guard = Guarded(opened(), checkpoint=lambda: looked.append("given"))
    metered = Metered.over(guard, lambda: looked.append("own"), taken.append)
    frame = metered.acquire()
    assert taken == [frame]
    assert {"given", "own"} <= set(looked)
    looked.clear()
    assert metered.with_checkpoint(None).acquire() is taken[-1]
    assert looked == []
    guard.acquire()
    assert len(taken) == 2


def test_it_knows_since_when_the_stage_stands() -> None:
    metered = Metered.over(opened(), lambda: None, lambda _: None)
    metered.wait(5.0)
    assert metered.standing.since_s == metered.now_s() - 5.0
    metered.move_stage(x_m=1e-6)
    assert metered.standing.since_s < metered.now_s() - 5.0
    metered.with_checkpoint(None).move_stage(z_m=1e-6)
    assert metered.standing.since_s == metered.now_s()


def test_what_one_sets_the_other_restores() -> None:
    guard = Guarded(opened())
    metered = Metered.over(guard, lambda: None, lambda _: None)
    with metered.preserved() as memory:
        guard.set_beam_tilt((1e-3, 0.0))
        guard.set_defocus(1e-6)
        memory.accept(Part.DEFOCUS)
    assert metered.beam_tilt_rad() == (0.0, 0.0)
    assert metered.defocus_m() == 1e-6


def test_a_full_disk_does_not_keep_the_stigmator_from_coming_back() -> None:
    full = list[bool]()

    def note(_: object) -> None:
        if full:
            raise KeepError("The disk is full.")

    metered = Metered.over(opened(), lambda: None, lambda _: None, note)
    with metered.preserved():
        metered.set_stigmator((0.3, 0.1))
        full.append(True)
        with pytest.raises(KeepError):
            metered.set_stigmator((0.2, 0.1))
    assert metered.stigmator() == (0.0, 0.0)
