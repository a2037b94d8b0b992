"""Manual steps in a session: done by whoever is there, skipped and told where nobody is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eucentric.focus import events as focus_events
from eucentric.focus.methods.manual import Answer, Desk, Reply
from eucentric.focus.settings import FocusMethod, FocusStep
from eucentric.msi.application import Application
from eucentric.msi.outcome import SessionResult, Status
from tests.msi.small import SMALL, Z_FOCUS, opened, run

MOVED_M = 2e-6
BY_HAND = "Manual_after"
MANUAL = FocusStep(name=BY_HAND, preset="hl", focus_method=FocusMethod.MANUAL)
Z_FOCUS_BY_HAND = Z_FOCUS.model_copy(
    update={"sequence": Z_FOCUS.sequence.model_copy(update={"steps": (*Z_FOCUS.sequence.steps, MANUAL)})}
)
SQUARE, Z_NODE = SMALL.nodes[:2]
APPLICATION: Application = SMALL.model_copy(
    update={"nodes": (SQUARE, Z_NODE.model_copy(update={"focus": Z_FOCUS_BY_HAND}))}
)
"""A square and its height, at the end looked at by hand."""


class _There:
    """An operator who looks, steps the lens by so much, and is done."""

    def __init__(self, step_m: float) -> None:
        self._step_m = step_m
        self.asked: list[str] = []

    def focus(self, desk: Desk) -> Reply:
        """Look, move, done."""
        self.asked.append(desk.step.name)
        desk.image()
        if self._step_m:
            desk.step_defocus(self._step_m)
        return Reply(Answer.DONE)


def _focus_outcome(result: SessionResult) -> Any:
    return next(one for one in result.outcomes if one.node == "Z Focus")


def test_without_an_operator_a_manual_step_is_skipped_and_told(tmp_path: Path) -> None:
    told: list[Any] = []
    result = run(tmp_path, opened(), APPLICATION, observers=(told.append,))
    assert _focus_outcome(result).status is Status.DONE
    skipped = [e.result.skipped for e in told if isinstance(e, focus_events.StepEnded) and e.result.skipped]
    assert skipped == [f"Step '{BY_HAND}' was skipped: it is done by hand, and nobody is there to do it."]


def test_an_operator_who_only_looks_leaves_what_was_measured_standing(tmp_path: Path) -> None:
    there = _There(0.0)
    result = run(tmp_path, opened(), APPLICATION, operator=there)
    assert there.asked == [BY_HAND]
    outcome = _focus_outcome(result)
    assert outcome.status is Status.DONE
    assert outcome.found is not None


def test_what_an_operator_moves_stays_and_is_not_called_measured(tmp_path: Path) -> None:
    microscope, lens_m = opened(), list[float]()

    def watch(event: Any) -> None:
        if isinstance(event, focus_events.ByHand) and event.channel is not None:
            lens_m.append(event.arrived_m)

    outcome = _focus_outcome(run(tmp_path, microscope, APPLICATION, operator=_There(MOVED_M), observers=(watch,)))
    assert outcome.status is Status.REFUSED
    assert outcome.found is None
    assert "not measured since. A measuring step after it" in outcome.why
    assert microscope.defocus_m() == pytest.approx(lens_m[-1], abs=1e-9)
