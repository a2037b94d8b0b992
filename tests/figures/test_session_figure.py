"""The figure of a session: what is in it, that nothing is cut off, and that it also draws what hardly happened."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from eucentric.figures.session import session_figure
from eucentric.figures.session_map import FLAGGED, TO_DO, fate_of, groups_shown
from eucentric.figures.session_spent import seconds_by_activity
from eucentric.msi.units import units

from ..cli import made_session as made

MADE = {"msi": made.application(), "series": made.application(series=True), "many": made.application(squares=9)}


def _drawn(name: str) -> Figure:
    result = made.result(MADE[name])
    return session_figure(result, MADE[name], true_errors_m=made.true_errors_m(result), title=f"{name}: complete")


def _words(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.findobj(Text) if t.get_visible())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_cut_off_and_every_axis_has_its_unit(name: str) -> None:
    figure = _drawn(name)
    figure.canvas.draw()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()  # inches
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height
    words = _words(figure)
    for unit in ("nm", "µm", "minutes", "e/Å²"):
        assert unit in words


def test_what_an_operator_looks_for_is_there() -> None:
    words = _words(_drawn("msi"))
    for word in ("defocus − intended (nm)", "expected (3 σ)", "truth (simulation)", "allowed", "flagged", "refused",
                 "skipped", "Square 2", "Time on the microscope", "Z Focus", "moving"):  # fmt: skip
        assert word in words


def test_tilt_series_are_drawn_against_tilt() -> None:
    words = _words(_drawn("series"))
    assert "tilt of the stage (°)" in words
    assert "5 tilt series" in words  # six holes, and at one focusing was refused


def test_of_many_squares_those_with_trouble_are_shown() -> None:
    result, todo = made.result(MADE["many"]), units(MADE["many"])
    shown = groups_shown(todo, result)
    assert len(shown) == 4
    assert "1" in shown  # the one in which focusing was refused
    assert "4 of 9" in _words(_drawn("many"))


@pytest.mark.parametrize("leave", [4, 37])
def test_a_session_that_was_cut_off_is_drawn_as_far_as_it_came(leave: int) -> None:
    result = made.result(MADE["msi"], stopped="lost", leave=leave)
    words = _words(session_figure(result, MADE["msi"], good=False))
    assert TO_DO in words
    assert "truth" not in words


def test_a_session_without_any_outcome_is_drawn() -> None:
    result = dataclasses.replace(made.result(MADE["msi"]), outcomes=())
    assert TO_DO in _words(session_figure(result, MADE["msi"]))


def test_what_is_far_off_is_told_by_its_number() -> None:
    result = made.result(MADE["msi"])
    true = made.true_errors_m(result)
    worst = next(iter(true))
    words = _words(session_figure(result, MADE["msi"], true_errors_m=true | {worst: -1.234e-6}))
    assert "−1234 nm" in words


def test_time_that_nobody_counted_is_other() -> None:
    result = made.result(MADE["msi"])
    first = dataclasses.replace(result.outcomes[0], activities=())
    spent = seconds_by_activity(dataclasses.replace(result, outcomes=(first,)))
    assert spent == {"other": pytest.approx(first.ended_s - first.begun_s)}


def test_an_image_whose_focus_is_flagged_has_a_colour_of_its_own() -> None:
    fates = {fate_of(outcome) for outcome in made.result(MADE["msi"]).outcomes}
    assert fates == {"done", FLAGGED, "refused", "skipped"}
