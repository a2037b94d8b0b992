"""What a run says as it goes: every event, no line wider than the terminal, nothing that is not known."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from eucentric.cli.live import Live, wrapped
from eucentric.focus import events
from eucentric.focus.correct import Correction
from eucentric.focus.measurement import Measurement
from eucentric.focus.outcome import Status, StepResult
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusStep, default_sequence
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding, Reason, Verdict

FINDING = Finding(
    Reason.FALSE_LOCK, "Nothing in common between the images (chance 0.3): blank area or beam off", "allowed 1e-06",
    "Move to carbon.",
)  # fmt: skip
MEASURED = Measurement(-3e-7, 1e-9, 2e-8, (0.0, 0.0), (1e-9, 1e-9), (0.0, 0.0), 1.0, 1, ((0.0, 5e-3),), ())
STAGE = FocusStep(
    name="Stage tilt fine", preset="hl", focus_method=FocusMethod.STAGE_TILT, tilt_rad=0.017453292519943295,
    correction_type=CorrectionType.STAGE_Z,
)  # fmt: skip
MANUAL = FocusStep(name="Manual after", preset="fc", focus_method=FocusMethod.MANUAL)
SKIPPED = "Step 'Manual after' was skipped: it is done by hand, and nobody is there to do it."


def _said(*told: events.Event, width: int = 80) -> list[str]:
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=False, highlight=False)
    with Live(console) as live:
        for event in told:
            live(event)
    return written.getvalue().splitlines()


def _started(*names: str) -> events.RunStarted:
    targets = tuple(FocusTarget(name) for name in names)
    return events.RunStarted(0.0, "simulated", default_sequence(), False, targets)


EVERY: list[tuple[events.Event, str]] = [
    (events.StepStarted(0.0, STAGE, 2.2e-4), "Step Stage tilt fine: preset hl, stage tilt ±1°, corrects by Stage Z"),
    (events.StepStarted(0.0, MANUAL, 0.0), "Step Manual after: preset fc, by hand"),
    (events.Judged(0.0, "fine", 0, Verdict((FINDING,))), "refused. Nothing in common"),
    (events.TargetReached(0.0, "b"), "target    b"),
    (events.Melted(0.0, "b", "fa", 4, 20e20), "melted    b: 4 exposures at fa, 20.0 e/Å²"),
    (events.DriftMeasured(0.0, "fine", "b", None, None, 3e-10, False), "drift     b: not known"),
    (events.DriftMeasured(0.0, "fine", "b", 5e-10, 1e-11, 3e-10, False), "0.500 ± 0.010 nm/s, waiting until"),
    (events.DriftMeasured(0.0, "fine", "b", 2e-10, None, 3e-10, True), "b: 0.20 nm/s: still"),
    (events.DriftMeasured(0.0, "fine", "b", 2e-12, 3.4e-14, 3e-10, True), "b: 0.002000 ± 0.000034 nm/s: still"),
    (events.DriftMeasured(0.0, "fine", "b", 2e-12, None, 3e-10, True), "b: 0.0020 nm/s: still"),
    (events.LeftOut(0.0, "fine", "b", FINDING), "left out  target b: Nothing in common"),
    (events.Averaged(0.0, "fine", ("a", "c"), MEASURED), "average   of a, c: −0.300 ± 0.001"),
    (events.Corrected(0.0, "fine", Correction(CorrectionType.STAGE_Z, 1e-6, 1e-6, 2e-6, True), 2e-6),
     "corrected Stage Z by +1.000 µm (a probe"),
    (events.Stigmated(0.0, "fine", (1e-8, -2e-8), (0.0, 0.0), (0.01, 0.02)), "(a, b) = (10.0, −20.0) nm taken away"),
    (events.DefocusReset(0.0, "fine", -3e-7), "reset     lens defocus −0.300 µm is now defocus zero"),
    (events.ByHand(0.0, "m", CorrectionType.DEFOCUS, -5e-7, 1e-6), "by hand   Defocus by −0.500 µm, now 1.000 µm"),
    (events.Paused(0.0), "paused"),
    (events.Paused(0.0, over=True), "resumed"),
    (events.StepEnded(0.0, StepResult(MANUAL, Status.SKIPPED, (), None, 0.0, SKIPPED)), "nobody is there to do"),
    (events.Failed(0.0, "It broke."), "broke off"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "words"), EVERY)
def test_every_event_has_its_line_within_the_terminal(event: events.Event, words: str) -> None:
    lines = _said(_started("a", "b", "c"), event)
    assert " ".join(words.split()) in " ".join(" ".join(lines).split())
    for width in (80, 40):
        assert max(map(len, _said(_started("a", "b", "c"), event, width=width))) <= width


def test_one_target_is_not_named() -> None:
    lines = _said(_started("here"), events.TargetReached(0.0, "here"), events.Melted(0.0, "here", "fa", 1, 5e20))
    assert lines == ["  melted    1 exposure at fa, 5.0 e/Å²"]


def test_where_the_lens_was_set_is_told_below_the_step() -> None:
    set_up = events.SetUp(0.0, "coarse", "hl", 0.0, "preset hl, lens at the stored eucentric focus")
    step = events.StepStarted(0.0, default_sequence().steps[0], 5e-4)
    lines = _said(_started("here"), set_up, step)
    assert lines[0].startswith("Step coarse")
    assert lines[-1] == "  set up    preset hl, lens at the stored eucentric focus"
    assert not any("set up" in line for line in _said(events.SetUp(0.0, "coarse", "hl", 0.0, "preset hl"), step))


def test_what_is_not_a_sentence_stays_as_it_is() -> None:
    assert wrapped("", 80) == [""]
    assert wrapped("one two", 80, "  ") == ["one two"]
