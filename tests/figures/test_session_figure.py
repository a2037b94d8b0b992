"""The figure of a session: what is in it, that nothing is cut off, and that it also draws what hardly happened."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.text import Text

from eucentric.figures.session import session_figure
from eucentric.figures.session_map import FLAGGED, TO_DO, fate_of, groups_shown
from eucentric.figures.session_spent import seconds_by_activity
from eucentric.msi.outcome import SessionResult
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


def _flagged_far_off() -> Figure:
    """A session in which the third exposure's expected error, ±2850 nm, lies far beyond the axis."""
    result = made.result(MADE["msi"])
    outcomes = list(result.outcomes)
    at = [n for n, o in enumerate(outcomes) if o.node == "Exposure" and o.exposures][2]
    far = dataclasses.replace(outcomes[at].exposures[0], error_sigma_m=0.95e-6, flagged="Nobody knows.")
    outcomes[at] = dataclasses.replace(outcomes[at], exposures=(far,))
    figure = session_figure(dataclasses.replace(result, outcomes=tuple(outcomes)), MADE["msi"])
    figure.canvas.draw()
    return figure


def test_flagged_images_are_marked_beside_the_values_not_among_them() -> None:
    figure = _flagged_far_off()
    (ax,) = (ax for ax in _axes(figure) if "defocus" in ax.get_ylabel())
    (mark,) = (line for line in ax.lines if line.get_marker() == "X" and np.size(line.get_xdata()))
    assert np.size(mark.get_xdata()) == 3
    low = mark.get_window_extent().y0  # pixels, from the bottom
    assert low > ax.get_window_extent().y1


def test_an_expected_error_beyond_the_axis_is_told_beside_its_line() -> None:
    figure = _flagged_far_off()
    (text,) = (t for t in figure.findobj(Text) if t.get_text() == "±2850 nm")  # type: ignore[attr-defined]
    box, ax = text.get_window_extent(), text.axes
    assert ax is not None
    places = [np.asarray(line.get_xdata()) for line in ax.lines]
    across = [ax.transData.transform((x[0], 0))[0] for x in places if x.size > 1 and np.ptp(x) == 0]
    assert across
    assert not any(box.x0 <= x <= box.x1 for x in across)


def _axes(figure: Figure) -> list[Axes]:
    return [ax for ax in figure.findobj() if isinstance(ax, Axes)]


def _with_fields(square_m: float) -> SessionResult:
    fields = {"Square": (square_m, square_m), "Hole": (5e-6, 4e-6)}
    result = made.result(MADE["msi"])
    return dataclasses.replace(
        result,
        outcomes=tuple(
            dataclasses.replace(
                o, exposures=tuple(dataclasses.replace(e, field_m=fields.get(o.node)) for e in o.exposures)
            )
            for o in result.outcomes
        ),
    )


def test_the_field_of_a_parents_image_is_drawn_as_it_is() -> None:
    figure = session_figure(_with_fields(20e-6), MADE["msi"])
    ax = next(ax for ax in _axes(figure) if ax.get_title("left").startswith("Square 1"))
    sizes = sorted({(p.get_width(), p.get_height()) for p in ax.patches if isinstance(p, Rectangle)})
    assert sizes == [pytest.approx((4.0, 5.0)), pytest.approx((20.0, 20.0))]  # µm, x by y
    assert ax.get_title("left") == "Square 1 at (y, x) = (0, −65) µm"


def test_a_field_too_wide_to_be_drawn_is_told() -> None:
    assert "within an image of 60 × 60 µm" in _words(session_figure(_with_fields(60e-6), MADE["msi"]))


def test_marks_of_targets_do_not_touch_where_holes_lie_far_apart() -> None:
    grid = MADE["msi"].model_copy(
        update={
            "nodes": tuple(
                n.model_copy(update={"targets": n.targets.model_copy(update={"spacing_m": 60e-6})})
                if n.name == "Hole"
                else n
                for n in MADE["msi"].nodes
            )
        }
    )
    figure = session_figure(made.result(grid), grid)
    ax = next(ax for ax in _axes(figure) if ax.get_title("left").startswith("Square 1"))
    discs = [(p.center, p.radius) for p in ax.patches if isinstance(p, Circle)]
    apart = min(math.dist(a, b) - ra - rb for n, (a, ra) in enumerate(discs) for b, rb in discs[:n] if a != b)
    assert apart > 0


def test_the_electrons_of_images_are_drawn() -> None:
    words = _words(_drawn("msi"))
    assert "intended −1.000 µm, 30.0 e/Å² each" in words
    assert "Exposure (20)" in words
    cut = dataclasses.replace(made.result(MADE["series"]), not_ended=(("Square 2/Hole 3/Focus 2", 3e21),))
    assert "cut off" in _words(session_figure(cut, MADE["series"]))
