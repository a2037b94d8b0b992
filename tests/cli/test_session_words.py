"""What is said of a session: its words, its live lines and its report, from a session made by hand."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from eucentric.cli.session_json import as_json
from eucentric.cli.session_live import SessionLive
from eucentric.cli.session_report import Report, as_text, show
from eucentric.cli.session_troubles import troubles
from eucentric.cli.session_truth import Truths
from eucentric.cli.session_words import all_well
from eucentric.focus import events as focus_events
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusStep
from eucentric.images.frame import Frame
from eucentric.msi import events
from eucentric.msi.known import Check
from eucentric.msi.left import Left
from eucentric.msi.outcome import Exposure, SessionResult, Status, UnitOutcome
from eucentric.msi.units import Unit, units
from eucentric.msi.words import check_words, checks_words, duration, length, statement

from . import made_session as made

APPLICATION = made.application()
RESULT = made.result(APPLICATION)
UNITS = units(APPLICATION)
RESUME = "eucentric run --resume runs/one"
NOT_MET = Check("height", 20e-6, 0.2e-3, "Put a Z Focus before it.")


def _report(result: SessionResult = RESULT, *, known: bool = True, resume: str = "") -> Report:
    true = {file: error + made.INTENDED_M for file, error in made.true_errors_m(result).items()} if known else {}
    focus = {o.key: 5e-9 for o in result.outcomes if o.focus_exposures} if known else {}
    return Report(
        result,
        APPLICATION,
        Truths(true | focus, true | focus),
        "runs/one",
        resume,
        "simulated (seed 4)",
        date="2026-01-02T03:04:05+01:00",
        version="0.1.2",
    )


def _said(*told: object, width: int = 80) -> list[str]:
    written = io.StringIO()
    with SessionLive(Console(file=written, width=width, force_terminal=False, highlight=False)) as live:
        live(events.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 0))
        for event in told:
            live(event)
    return written.getvalue().splitlines()


def _unit(key: str) -> Unit:
    return next(u for u in UNITS if u.key == key)


def _outcome(key: str) -> UnitOutcome:
    return next(o for o in RESULT.outcomes if o.key == key)


@pytest.mark.parametrize(
    ("value_m", "words"),
    [(0.0, "0.0 nm"), (4.21e-9, "4.2 nm"), (-31e-9, "−31 nm"), (0.99996e-6, "1.00 µm"), (22e-6, "22.0 µm"),
     (-2.2e-4, "−220 µm"), (2e-3, "2.00 mm")],
)  # fmt: skip
def test_lengths_have_the_digits_that_count(value_m: float, words: str) -> None:
    assert length(value_m) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (720, "12 min"), (11100, "3 h 05 min"), (7199, "2 h 00 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_check_says_what_would_meet_it_where_it_is_not_met() -> None:
    assert check_words(Check("defocus", 5e-8, None)) == "defocus not known (limit ±50 nm)"
    assert checks_words([Check("defocus", 5e-8, 4e-8), NOT_MET]) == (
        "defocus ±40 nm (limit ±50 nm); height ±200 µm (limit ±20.0 µm). Put a Z Focus before it."
    )


def test_what_is_wrong_is_told_once_for_neighbours() -> None:
    told = troubles(RESULT)
    assert "Square 1/Hole 2: Exposure 1–4: skipped. Focusing failed at Square 1/Hole 2/Focus 1." in told
    assert len(told) == 3  # one refused, its exposures, and two flagged for the same reason
    assert not all_well(RESULT)


def test_the_statement_counts_and_says_how_to_go_on() -> None:
    assert statement(RESULT, "") == "Complete: 35 of 40 targets done; 1 refused, 4 skipped, 2 images flagged."
    cut = made.result(APPLICATION, stopped="The instrument was lost.", leave=20)
    assert statement(cut, RESUME).endswith(f"The instrument was lost. Resume it with: {RESUME}")
    good = dataclasses.replace(RESULT, outcomes=RESULT.outcomes[:2], units=2)
    assert all_well(good)
    assert statement(good) == "Complete: 2 of 2 targets done."


def test_the_report_has_all_that_is_asked_of_it() -> None:
    text = as_text(_report())
    for words in ("seed 4", "height ±200/220 µm", "defocus ±31/50 nm", "true height", "5.0 nm", "−1.000 µm", "±36 nm",
                  "64.0", "moving 8 min", "Nothing in common", "within their expected", "in truth"):  # fmt: skip
        assert words.lower() in " ".join(text.lower().split()), words


def test_the_report_says_when_and_with_what() -> None:
    assert as_text(_report()).splitlines()[1] == "Begun 2026-01-02 03:04:05+01:00 with eucentric 0.1.2."
    body = as_json(_report())
    assert (body["date"], body["version"], body["instrument"]) == (
        "2026-01-02T03:04:05+01:00",
        "0.1.2",
        "simulated (seed 4)",
    )


def test_images_have_their_electrons() -> None:
    (row,) = (line for line in as_text(_report()).splitlines() if line.startswith(" Square 1/Hole 1/Exposure 1"))
    assert row.split()[4] == "30.0"


@pytest.mark.parametrize(
    ("flagged", "words"),
    [
        (0, "Exposure: 2 images, all within ±50 nm (3 σ) of the defocus that was intended."),
        (1, "Exposure: 2 images, 1 flagged, the others within ±50 nm (3 σ) of the defocus that was intended."),
        (2, "Exposure: 2 images, all of them flagged."),
    ],
)
def test_only_images_that_are_there_are_said_to_be_good(flagged: int, words: str) -> None:
    shots = [o for o in RESULT.outcomes if o.node == "Exposure" and o.exposures and not o.exposures[0].flagged][:2]
    for k in range(flagged):
        bad = dataclasses.replace(shots[k].exposures[0], flagged="It is not known.")
        shots[k] = dataclasses.replace(shots[k], exposures=(bad,))
    result = dataclasses.replace(RESULT, outcomes=tuple(shots), units=2)
    assert words in " ".join(as_text(_report(result, known=False)).split())


def test_electrons_of_a_focus_target_that_had_not_ended_are_told() -> None:
    cut = dataclasses.replace(RESULT, not_ended=(("Square 2/Hole 3/Focus 1", 40e20),))
    assert "Spent on focusing that had not ended: 40.0 e/Å² at Square 2/Hole 3/Focus 1." in as_text(_report(cut))
    body = as_json(_report(cut))
    assert body["not_ended_e_per_m2"] == {"Square 2/Hole 3/Focus 1": 40e20}
    assert body["focus_dose_e_per_m2"]["Square 2/Hole 3/Focus 1"] == (64 + 40) * 1e20


def test_at_a_blank_place_more_dose_is_no_remedy() -> None:
    """Nothing could be measured; where something was, what is missed has its remedy."""
    blank, missed = Check("defocus", 5e-8, None, "More dose."), Check("defocus", 5e-8, 9e-8, "More dose.")
    unit = _unit("Square 1/Hole 2/Focus 1")
    told = " ".join(_said(events.PromisesChecked(0.0, unit, (blank,))))
    assert "defocus not known" in told
    assert "More dose." not in told
    assert "More dose." in " ".join(_said(events.PromisesChecked(0.0, unit, (missed,))))


def test_what_was_told_is_not_told_again_for_each_image() -> None:
    refused = _outcome("Square 1/Hole 2/Focus 1")
    shot = _outcome("Square 1/Hole 1/Exposure 1").exposures[0]
    flag = f"Focusing failed: {refused.key}: {refused.why}"
    units_ = [_unit(f"Square 1/Hole 2/Exposure {k}") for k in (1, 2)]
    told: list[object] = [events.UnitEnded(0.0, refused)]
    for unit in units_:
        flagged = dataclasses.replace(shot, flagged=flag)
        told += [
            events.NeedsChecked(0.0, unit, (NOT_MET,)),
            events.UnitEnded(0.0, UnitOutcome(unit.key, unit.node, Status.DONE, exposures=(flagged,))),
        ]
    text = " ".join(" ".join(_said(*told)).split())
    assert text.count("Nothing in common") == 1
    assert text.count("Put a Z Focus before it.") == 1
    assert text.count("Flagged: Focusing failed at all focus targets that it waits for: see there.") == 2
    assert f"needs {units_[1].key}: height ±200 µm (limit ±20.0 µm)" in text


def test_without_a_truth_none_is_told() -> None:
    assert "true" not in as_text(_report(known=False))
    assert "truth" not in as_text(_report(known=False))


def test_the_truth_is_counted_right() -> None:
    """18 images are not flagged; one of them is moved to 40 nm: beyond its 36 nm, within the 50 nm allowed."""
    report = _report()
    first = next(one for _, one in report.shots())
    report.truths.c1_m[first.file] = made.INTENDED_M + 40e-9
    words = " ".join(as_text(report).split())
    assert "largest 40 nm" in words
    assert "18 within ±50 nm, 17 of 18 within their expected 3 σ" in words


@pytest.mark.parametrize("width", [80, 110])
def test_no_line_of_the_report_is_wider_than_the_terminal(width: int) -> None:
    out = io.StringIO()
    show(_report(resume=RESUME), Console(file=out, width=width, force_terminal=False))
    assert max(map(len, out.getvalue().splitlines())) <= width
    for key in ("Square 1/Hole 2/Focus 1", "Square 2/Hole 3/Exposure 4"):
        assert key in out.getvalue() or width < 110


def test_long_sessions_are_shown_in_part_and_kept_whole() -> None:
    many = made.application(squares=9)
    result = made.result(many)
    report = Report(result, many, Truths(), "runs/one")
    out = io.StringIO()
    show(report, Console(file=out, width=100, force_terminal=False))
    assert "The last 40 of 104" in out.getvalue()
    assert as_text(report).count("Exposure 4") > out.getvalue().count("Exposure 4")


def test_json_is_plain_si() -> None:
    body = json.loads(json.dumps(as_json(_report(resume=RESUME)), allow_nan=False))
    assert body["targets"] == 40
    assert body["counts"] == {"done": 35, "refused": 1, "skipped": 4, "failed": 0, "interrupted": 0}
    # 8 focus units move for 20 s each, the 28 images that were taken for 12 s each
    assert body["seconds_by_activity"]["moving"] == pytest.approx(8 * 20 + 28 * 12)
    focused = next(o for o in body["outcomes"] if o["key"] == "Square 1/Z Focus 1")
    assert focused["needs"] == [
        {"what": "height", "limit": 220e-6, "value": 200e-6, "remedy": "", "soft": False, "unit": "m", "met": True}
    ]
    assert focused["true_c1_m"] == 5e-9
    (shot,) = next(o for o in body["outcomes"] if o["node"] == "Exposure")["exposures"]
    assert abs(shot["true_error_m"]) < 6 * made.SIGMA_M  # drawn with that sigma
    assert body["resume"] == RESUME


def test_json_of_a_real_microscope_knows_no_truth() -> None:
    body = as_json(_report(known=False))
    assert all(e["true_error_m"] is None for o in body["outcomes"] for e in o["exposures"])


def test_a_session_goes_over_the_screen() -> None:
    focus, hole = _unit("Square 1/Hole 2/Focus 1"), _outcome("Square 1/Hole 1/Exposure 2")
    refused = _outcome(focus.key)
    lines = _said(
        events.UnitBegan(0.0, focus),
        events.NeedsChecked(0.0, focus, refused.needs),
        events.PromisesChecked(0.0, focus, (Check("defocus", 5e-8, 9e-8, "Measure longer."),)),
        events.UnitEnded(0.0, refused),
        events.UnitEnded(0.0, hole),
    )
    text = " ".join(" ".join(lines).split())
    for words in (
        "made by hand on simulated: 40 targets (2 Square, 2 Z Focus, 6 Hole, 6 Focus, 24 Exposure).",
        "Square 1/Hole 2/Focus 1",
        "needs height ±1.10 µm (limit ±20.0 µm)",
        "promises defocus ±90 nm (limit ±50 nm). Measure longer.",
        "refused Nothing in common",
        "(64.0 e/Å² for focusing, 2 min)",
        "Square 1/Hole 1/Exposure 2: image kept, defocus −1.000 µm ± 36 nm (3 σ), 30.0 e/Å².",
    ):
        assert words in text


def test_the_bar_counts_what_is_done_and_what_the_target_in_work_has_got() -> None:
    """At a resume it begins where the session is; each image's electrons are there at once, and none twice."""
    focus, out = _unit("Square 1/Hole 1/Focus 1"), io.StringIO()
    should = dict.fromkeys((unit.node for unit in UNITS), 2.0)
    spent = {"Square 1/Z Focus 1": 18e20, focus.key: 4e20}
    live = SessionLive(Console(file=out, width=140, force_terminal=True), done=4, total=40)
    bar = live._bar.tasks[0]
    assert (bar.completed, bar.total) == (4, 40)
    live(events.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 4, should, spent))
    live(events.UnitBegan(0.0, focus))
    assert "22.0 e/Å² for focusing" in bar.description
    assert "left" in bar.description
    frame = Frame(np.zeros((2, 2), np.float32), dose_e_per_m2=10e20)
    live(focus_events.FrameTaken(0.0, "fine", 0, 0, frame))
    assert "32.0 e/Å² for focusing" in bar.description
    look = FocusStep(name="look", preset="fa", focus_method=FocusMethod.MANUAL, correction_type=CorrectionType.NONE)
    live(focus_events.StepStarted(0.0, look, 0.0))
    assert bar.description.startswith(focus.key)  # it waits for the operator: no time left is told
    live(events.UnitEnded(0.0, _outcome(focus.key)))  # 64 e/Å² in all
    live(events.UnitBegan(0.0, _unit("Square 1/Hole 3/Focus 1")))
    assert "82.0 e/Å² for focusing" in bar.description


def test_a_session_that_goes_on_says_so() -> None:
    lines = _said(events.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 7))
    assert f"It goes on: 7 of {len(UNITS)} are done." in lines


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (events.InstrumentLost(0.0, UNITS[1], "It does not answer."), f"lost at {UNITS[1].key}: It does not answer."),
        (events.FocusedAnew(0.0, (UNITS[1].key,)), f"Focused once more before the next image: {UNITS[1].key}."),
        (events.PutRight(0.0, "Beam tilt is put back."), "Beam tilt is put back."),
        (events.InstrumentLost(0.0, None, "It does not answer."), "The instrument is lost: It does not answer."),
        (events.InstrumentBack(0.0, UNITS[1]), f"{UNITS[1].key} is begun anew"),
        (focus_events.ObserverFailed(0.0, "The disk is full."), "The disk is full. The session goes on"),
        (
            focus_events.ByHand(0.0, "look", CorrectionType.STAGE_Z, 2e-6, 3e-6),
            "by hand Stage Z by +2.000 µm, now 3.000 µm",
        ),
        (events.NeedsChecked(0.0, UNITS[0], (NOT_MET,)), "Put a Z Focus before it."),
        (events.UnitEnded(0.0, UnitOutcome("Square 1", "Square", Status.FAILED, "Beyond the limit.")), "Beyond the"),
    ],
)
def test_what_goes_wrong_is_told(event: object, words: str) -> None:
    assert words in " ".join(" ".join(_said(event)).split())


def test_tilts_are_told_one_by_one() -> None:
    series = made.application(series=True)
    unit = next(u for u in units(series) if u.node == made.SERIES)
    shot = Exposure("ex", "a.mrc", unit.place_m, -0.5235987755982988, 0.0, 2e20, -1e-6, 2e-8)
    written = io.StringIO()
    with SessionLive(Console(file=written, width=100, force_terminal=False)) as live:
        live(events.SessionStarted(0.0, "simulated", series, units(series), 0))
        live(events.Exposed(0.0, unit, shot, Frame(np.zeros((2, 2), np.float32))))
    assert "tilt        −30.0°: image kept, defocus −1.000 µm ± 60 nm (3 σ), 2.0 e/Å²." in written.getvalue()


def test_time_left_is_rough_until_every_kind_of_unit_was_seen() -> None:
    """Each unit takes ten seconds here and should take two: with half of them done, those left take ten each."""
    seconds = 0.0
    live = SessionLive(Console(file=io.StringIO(), force_terminal=False), clock=lambda: seconds)
    should = dict.fromkeys((unit.node for unit in UNITS), 2.0)
    live(events.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 0, should))
    told = []
    for unit, outcome in zip(UNITS, RESULT.outcomes, strict=True):
        live(events.UnitBegan(0.0, unit))
        told.append(live.left)
        seconds += 10.0
        live(events.UnitEnded(0.0, outcome))
    half = len(UNITS) // 2
    assert told[0] == Left(2.0 * len(UNITS), rough=True)
    assert told[1] == Left(10.0 * (len(UNITS) - 1), rough=True)  # all come out as much slower as the first
    assert told[half] == Left(10.0 * (len(UNITS) - half), rough=False)


def test_no_time_left_is_told_of_units_that_nobody_knows() -> None:
    live = SessionLive(Console(file=io.StringIO(), force_terminal=False))
    live(events.SessionStarted(0.0, "simulated", APPLICATION, UNITS, 0))
    assert live.left is None
