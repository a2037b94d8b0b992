"""Figures of calibrations and of the pre-flight: what is drawn is what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eucentric.calibrate.outcome import Evidence, Series
from eucentric.calibrate.report import DefocusPoint, Line, Report
from eucentric.calibration.record import Level
from eucentric.figures.calibration import calibration_figure, draw_calibration
from eucentric.figures.check import check_figure

from ..calibration.kept import record

X = np.array([-1.0, 0.0, 2.0])
LINE = Series(
    "tilt along x",
    X,
    3 * X + np.array([0.1, 0.0, -0.1]),
    np.full(3, 0.05),
    np.array([-1.0, 2.0]),
    np.array([-3.0, 6.0]),
)
BARE = Series("bare", X, X)
EVIDENCE = Evidence("Tilt response", "defocus (µm)", "displacement (px)", (LINE, BARE))


def test_points_fit_and_what_it_leaves() -> None:
    figure = calibration_figure(record(), (EVIDENCE,))
    above, below = figure.axes
    assert (above.get_ylabel(), below.get_xlabel()) == ("displacement (px)", "defocus (µm)")
    assert below.get_ylabel() == "residual\n(px)"
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in below.lines]
    assert any(len(y) == 3 and np.allclose(y, [0.1, 0.0, -0.1]) for y in drawn)
    assert "Good enough." in figure.get_suptitle()
    assert "±" in figure.get_suptitle()


def test_two_points_leave_no_residual_and_no_empty_panel() -> None:
    two = Series("readings", X[:2], X[:2], np.full(2, 0.01), X[:2], X[:2])
    for series in (two, BARE):
        (only,) = calibration_figure(record(), (Evidence("Null", "lens (µm)", "C1 (µm)", (series,)),)).axes
        assert (only.get_xlabel(), only.get_ylabel()) == ("lens (µm)", "C1 (µm)")


def test_errors_too_small_to_be_drawn_are_told() -> None:
    above, _ = calibration_figure(record(), (EVIDENCE,)).axes
    legend = above.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == ["tilt along x (1σ 0.05 px)", "bare"]


def test_labels_do_not_overlap() -> None:
    """The longest that a calibration has, above a residual panel of a quarter of the height."""
    long = Evidence("Image motion", "stage Z (µm)", "motion (pixels per degree)", (LINE,))
    figure = calibration_figure(record(), (long,))
    figure.draw_without_rendering()
    above, below = (axes.yaxis.label.get_window_extent() for axes in figure.axes)
    assert not above.overlaps(below)
    assert below.ymin >= 0


def test_several_pieces_of_evidence_and_none(tmp_path: Path) -> None:
    assert len(calibration_figure(record(), (EVIDENCE, EVIDENCE)).axes) == 4
    without_fit = Evidence("Bare", "x", "y", (BARE,))
    for number, evidence in enumerate(((EVIDENCE,), (without_fit,), ())):
        path = tmp_path / f"{number}.png"
        assert draw_calibration(record(), evidence, path).stat().st_size > 0


@pytest.mark.parametrize("points", [(), (DefocusPoint(-1e-6, -1.01e-6, 1e-9), DefocusPoint(1e-6, 1.01e-6, 1e-9))])
def test_a_page_has_every_line_and_says_what_to_do(points: tuple[DefocusPoint, ...]) -> None:
    lines = (
        Line("ratio", Level.AMBER, "1.05 ± 0.01", "Run: eucentric calibrate tilt --preset fa", 1.05, 0.01),
        Line("drift", Level.GREEN, "0.1 nm/s", "Still enough."),
    )
    figure = check_figure(Report("scope", "fa", lines, points))
    figure.draw_without_rendering()
    texts = [t.get_text() for axes in figure.axes for t in axes.texts]
    assert "ratio" in texts
    assert "drift" in texts
    assert any("eucentric calibrate tilt" in t for t in texts)
    assert not any("Still enough" in t for t in texts)  # green needs no advice
    assert "Ready with care: look at ratio." in figure.get_suptitle()
