"""The figure of a session from the records: what must be in it, and that nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eucentric.figures.records import Shown, records_figure
from eucentric.figures.saved import save
from eucentric.records.kept import Wanted
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from tests.figures.test_figures import cut_off, words
from tests.records.made import never, place_in, run


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Five runs, one of them refused, one minute apart."""
    place = place_in(tmp_path_factory.mktemp("records"))
    with Recorder(place, say=never, now=lambda: datetime(2026, 11, 30, 20, 0, tzinfo=UTC)) as recorder:
        for number in range(5):
            for event in run((True, number != 3), start_s=60.0 * number).events:
                recorder(event)
    with Records.open(place) as records:
        runs = tuple(reversed(records.runs()))
        yield Shown(runs, records.measurements(), records.drifts(Wanted()), 0.0)


@pytest.mark.parametrize("on_the_wall", [True, False])
def test_a_session_shows_all_that_was_measured(shown: Shown, on_the_wall: bool, tmp_path: Path) -> None:
    some = Shown(shown.runs, shown.measurements, shown.drifts, None if on_the_wall else 0.0)
    figure = records_figure(some, title="Session 1: MSI-T on simulated (seed 3)")
    said = words(figure)
    for piece in (
        "Session 1: MSI-T",
        "5 runs, 1 not in focus; 10 measurements, 1 refused (false lock 1)",
        "defocus (µm), + overfocus",
        "Found",
        "residual",
        "bound",
        "accuracy asked for",
        "not in focus, or failed",
        "Drift",
        "nm/s",
        "threshold",
        "χ² per degree",
        "time of day" if on_the_wall else "minutes of the microscope's time",
    ):
        assert piece in said
    assert cut_off(figure) == []
    assert save(figure, tmp_path / "a.png").stat().st_size > 0


def test_whom_the_operator_stopped_is_not_said_to_be_in_focus(shown: Shown) -> None:
    runs = tuple(replace(run, status="aborted") if run.status != "focused" else run for run in shown.runs)
    said = words(records_figure(replace(shown, runs=runs), title="Stopped"))
    assert "5 runs, 1 aborted, all others in focus; 10 measurements" in said


def test_what_is_zero_or_not_known_does_not_break_the_axes(shown: Shown) -> None:
    lost = tuple(replace(one, c1_m=None, chi2=None, accepted=False) for one in shown.measurements)
    still = tuple(
        replace(one, speed_m_per_s=value) for one, value in zip(shown.drifts, (0.0, None, 1e-12), strict=False)
    )
    figure = records_figure(Shown(shown.runs, lost, still, 0.0), title="Lost")
    assert cut_off(figure) == []
    assert all(ax.get_position().height > 0.1 for ax in figure.axes)


def test_the_fit_of_what_was_refused_does_not_stretch_its_axis(shown: Shown) -> None:
    """Two shifts of pure noise may fit as well as rounding allows."""
    one = shown.measurements[0]
    assert one.dof
    some = [replace(row, chi2=1e-29 if row.accepted is False else 1.3 * one.dof)
            for row in shown.measurements]  # fmt: skip
    figure = records_figure(Shown(shown.runs, some, shown.drifts, 0.0), title="Fit")
    (fit,) = [ax for ax in figure.axes if ax.get_title(loc="left").startswith("Fit")]
    assert fit.get_ylim()[0] >= 0.1


def test_panels_with_nothing_on_them_say_why(shown: Shown) -> None:
    refused = [run for run in shown.runs if run.status == "refused"]
    mine = [replace(one, accepted=False) for one in shown.measurements if one.run_id == refused[0].id]
    figure = records_figure(Shown(refused, mine, (), 0.0), title="Refused")
    said = words(figure)
    for piece in ("1 run, 1 not in focus", "No run ended in focus.", "No drift was measured.", "Nothing was accepted."):
        assert piece in said
    assert cut_off(figure) == []


def test_nothing_measured_is_said(shown: Shown) -> None:
    figure = records_figure(Shown(shown.runs[:1], (), ()), title="Empty")
    assert "Nothing was measured." in words(figure)
    assert cut_off(figure) == []
