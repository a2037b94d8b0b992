"""The operator at the terminal: a scripted one, at the simulated microscope."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from eucentric.calibration.handed_over import book_from
from eucentric.cli.asked import asked
from eucentric.cli.live import Live
from eucentric.cli.manual import Terminal, TerminalOperator, operator_at
from eucentric.cli.page import Page
from eucentric.cli.style import console
from eucentric.errors import Aborted, EucentricError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult, Status
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.web.room import Room

BY_HAND = FocusStep(
    name="by hand", preset="fc", focus_method=FocusMethod.MANUAL, correction_type=CorrectionType.NONE, delta_max_m=5e-6
)


@pytest.fixture
def microscope() -> Microscope:
    return open_microscope("simulated", seed=1, size=64, perfect=True)


class Scripted:
    """A terminal at which these lines are typed; it remembers what was said and asked."""

    def __init__(self, *lines: str) -> None:
        self._lines: Iterator[str] = iter(lines)
        self.said: list[str] = []

    def ask(self, prompt: str) -> str:
        self.said.append(prompt)
        line = next(self._lines, None)
        if line is None:
            raise EOFError
        return line

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def _run(
    microscope: Microscope, typed: Scripted, folder: Path, **settings: object
) -> tuple[RunResult, list[events.ByHand]]:
    told: list[events.Event] = []
    operator = TerminalOperator(Terminal(typed.said.append, typed.ask), folder)
    values = {"sequence": FocusSequence(steps=(BY_HAND,)), **settings}
    book = book_from(handed_out(microscope))
    focus = Focus(microscope, book, FocusSettings.model_validate(values), observers=(told.append,), operator=operator)
    return focus.run(), [e for e in told if isinstance(e, events.ByHand)]


def test_steps_of_lens_and_stage_stay_when_done(microscope: Microscope, tmp_path: Path) -> None:
    typed = Scripted("f 0.2 um", "+++", "−", "z 2", "z+", "?", "", "done")
    result, did = _run(microscope, typed, tmp_path)
    assert result.steps[0].status is Status.BY_HAND
    assert result.steps[0].by_hand_m == pytest.approx((0.4e-6, 2e-6), abs=1e-12)
    assert microscope.defocus_m() == pytest.approx(0.4e-6, abs=1e-12)
    assert microscope.stage().z_m == pytest.approx(2e-6, abs=1e-9)
    moves = [(e.channel, round(e.change_m * 1e6, 6)) for e in did if e.channel is not None]
    assert moves == [("Defocus", 0.6), ("Defocus", -0.2), ("Stage Z", 2.0)]
    assert sum(e.frame is not None for e in did) == 5  # at the beginning, after each move, and when asked for
    with Image.open(tmp_path / "live.png") as picture:
        assert picture.size == (64, 64)
        assert picture.getextrema() == (0, 255)
    assert [p.name for p in tmp_path.iterdir()] == ["live.png"]


def test_a_d_with_a_length_moves_the_lens_by_it_and_ends_nothing(microscope: Microscope, tmp_path: Path) -> None:
    typed = Scripted("d -1 um", "d +0.4", "D−100 nm", "d 1 mrad", "d 20 um", "d looks fine")
    result, did = _run(microscope, typed, tmp_path)
    assert result.steps[0].status is Status.BY_HAND
    assert [(e.channel, round(e.change_m * 1e6, 6)) for e in did if e.channel is not None] == [
        ("Defocus", -1.0),
        ("Defocus", 0.4),
        ("Defocus", -0.1),
    ]
    assert result.steps[0].by_hand_m[0] == pytest.approx(-0.7e-6, abs=1e-12)
    assert "is not in a unit of m" in typed.text
    assert "delta max is" in typed.text  # 20 µm: nothing was moved


@pytest.mark.parametrize(("typed", "why"), [(("+", "skip no carbon here"), "no carbon here"), (("+",), "no answer")])
def test_skipped_or_unanswered_everything_is_as_before(
    microscope: Microscope, tmp_path: Path, typed: tuple[str, ...], why: str
) -> None:
    result, _ = _run(microscope, Scripted(*typed), tmp_path)
    assert result.steps[0].status is Status.SKIPPED
    assert result.steps[0].skipped is not None
    assert why in result.steps[0].skipped
    assert microscope.defocus_m() == pytest.approx(0, abs=1e-12)


def test_aborted_the_sequence_ends(microscope: Microscope, tmp_path: Path) -> None:
    result, _ = _run(microscope, Scripted("+", "abort too thick"), tmp_path)
    assert result.steps[0].status is Status.REFUSED
    assert "too thick" in result.statement
    assert microscope.defocus_m() == pytest.approx(0, abs=1e-12)


def test_what_can_not_be_done_is_said_and_asked_again(microscope: Microscope, tmp_path: Path) -> None:
    typed = Scripted("f 20 um", "+", "f 3 mrad", "f -1", "f 0", "frobnicate", "z", "d")
    result, did = _run(microscope, typed, tmp_path)
    assert result.steps[0].by_hand_m == (0.0, 0.0)
    assert not any(e.channel for e in did)
    for words in (
        "delta max is",
        "is not in a unit of m",
        "leads nowhere",
        "'frobnicate' is nothing",
        "'z' is nothing",
    ):
        assert words in typed.text


def test_a_spent_budget_leaves_the_operator_blind_but_not_stuck(microscope: Microscope, tmp_path: Path) -> None:
    one_image = next(p for p in microscope.presets() if p.name == "fc").dose_e_per_m2
    result, did = _run(microscope, typed := Scripted("+", "d"), tmp_path, dose_max_per_m2=1.5 * one_image)
    assert sum(e.frame is not None for e in did) == 1
    assert "budget" in typed.text
    assert result.steps[0].by_hand_m[0] == pytest.approx(0.5e-6, abs=1e-12)


def test_an_image_that_can_not_be_written_ends_nothing(microscope: Microscope, tmp_path: Path) -> None:
    result, _ = _run(microscope, typed := Scripted("d"), tmp_path / "nowhere")
    assert result.steps[0].status is Status.BY_HAND
    assert "can't be written" in typed.text


@pytest.mark.skipif(sys.platform == "win32", reason="there the wait ends with the answer")
def test_the_page_knows_that_the_terminal_waits_and_its_abort_takes_back_what_was_moved(
    microscope: Microscope, tmp_path: Path
) -> None:
    book, before = book_from(handed_out(microscope)), microscope.defocus_m()
    room = Room(book=book, instrument="simulated")
    moved = iter(["+"])

    def waits(said: str) -> None:
        room.driver.waits(said)
        if said:
            assert json.loads(str(room.hub.newest("drive")))["body"]["waits"] == said
            room.driver.abort()

    page = Page(control=room.control, waits=waits)
    terminal = Terminal(lambda _said: None, lambda prompt: next(moved, None) or asked(prompt, page))
    operator = TerminalOperator(terminal, tmp_path)
    settings = FocusSettings(sequence=FocusSequence(steps=(BY_HAND,)))
    keyboard, there = os.openpty()
    with os.fdopen(keyboard, "wb", 0), os.fdopen(there) as nobody_types, pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdin", nobody_types)
        focus = Focus(microscope, book, settings, observers=room.observers, control=room.control, operator=operator)
        with pytest.raises(Aborted):
            focus.run()
    assert microscope.defocus_m() == pytest.approx(before, abs=1e-12)
    drive = json.loads(str(room.hub.newest("drive")))["body"]
    assert (drive["phase"], drive["waits"]) == ("idle", "")


def test_without_a_terminal_there_is_no_operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert operator_at(Live(console(quiet=True)), tmp_path, Page()) is None


def test_without_an_operator_the_step_is_skipped_with_a_sentence(microscope: Microscope) -> None:
    settings = FocusSettings(sequence=FocusSequence(steps=(BY_HAND,)))
    try:
        result = Focus(microscope, book_from(handed_out(microscope)), settings).run()
    except EucentricError as error:  # pragma: no cover - it must not
        pytest.fail(str(error))
    assert result.steps[0].status is Status.SKIPPED
    assert "by hand" in (result.steps[0].skipped or "")
