"""Numbers in, colours and causes out: limits by construction."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from eucentric.calibrate.judged import KEYS, judged
from eucentric.calibrate.known_defoci import Tried
from eucentric.calibrate.report import Line, Report, graded, worst
from eucentric.calibrate.tilt_lines import tilt_lines
from eucentric.calibration.instrument import Calibration
from eucentric.calibration.quantities import (
    AnyQuantity,
    ComaFreeAxis,
    HeightResponse,
    LensHysteresis,
    Parfocality,
    PivotPoint,
    RotationCentre,
    StageBacklash,
)
from eucentric.calibration.record import Level
from eucentric.optics.column import Column

BELIEVED = Calibration("scope", Column(voltage_v=200e3, c3_m=2.7e-3))
GREEN, AMBER, RED = Level.GREEN, Level.AMBER, Level.RED


def axis(off: float, sigma: float = 1e-5) -> ComaFreeAxis:
    return ComaFreeAxis(tilt_rad=(0.0, off), tilt_sigma_rad=sigma, b2_m=(0.0, 0.0), b2_sigma_m=1e-8)


def pivot(size: float) -> PivotPoint:
    return PivotPoint(matrix_m_per_rad=((size, 0.0), (0.0, size)), sigma_m_per_rad=1e-6)


@pytest.mark.parametrize(
    ("quantity", "level", "says"),
    [
        (axis(0.1e-3), GREEN, "symmetric"),
        (axis(1.5e-3), RED, "eucentric calibrate coma-free --preset fa"),
        (axis(0.8e-3), AMBER, "off by 0.8 mrad"),
        (axis(5e-3, 2e-3), RED, "Too uncertain"),
        (axis(0.0, 5e-3), RED, "Too uncertain"),
        (axis(0.0, 0.7e-3), AMBER, "Too uncertain"),
        (RotationCentre(tilt_rad=(0.0, 0.0), tilt_sigma_rad=20e-3), RED, "Too uncertain"),
        (HeightResponse(c1_per_z=1.0, c1_per_z_sigma=0.5), RED, "Too uncertain"),
        (StageBacklash(z_m=0.3e-6, z_sigma_m=5e-6), RED, "Too uncertain"),
        (RotationCentre(tilt_rad=(3e-3, 0.0), tilt_sigma_rad=1e-5), AMBER, "3.0 nm"),
        (pivot(20e-6), GREEN, "stays in place"),
        (pivot(100e-6), AMBER, "1.000 µm when the beam tilts by 10 mrad"),
        (LensHysteresis(width_m=0.14e-6, width_sigma_m=1e-9, excursion_m=20e-6), GREEN, "alike"),
        (LensHysteresis(width_m=0.7e-6, width_sigma_m=1e-9, excursion_m=20e-6), AMBER, "hysteresis"),
        (Parfocality(reference="fa", difference_m=4e-6, difference_sigma_m=1e-8), AMBER, "not parfocal by 4.000 µm"),
        (HeightResponse(c1_per_z=1.001, c1_per_z_sigma=1e-4), GREEN, "as far as is believed"),
        (HeightResponse(c1_per_z=0.8, c1_per_z_sigma=1e-4), RED, "80.0%"),
        (StageBacklash(z_m=0.2e-6, z_sigma_m=1e-9), GREEN, "alike"),
        (StageBacklash(z_m=1e-6, z_sigma_m=1e-9), AMBER, "1.000 µm apart"),
        (StageBacklash(z_m=1e-6, z_sigma_m=0.4e-6), GREEN, "alike"),  # within 3 σ of nothing
    ],
    ids=lambda one: one.kind if hasattr(one, "kind") else "",
)
def test_green_amber_red(quantity: AnyQuantity, level: Level, says: str) -> None:
    line = judged(quantity, BELIEVED, None, "fa")
    assert (line.key, line.level) == (KEYS[quantity.kind], level)
    assert says in line.sentence
    assert "±" in line.value


@pytest.mark.parametrize("sigma", [1e-3, 5e-3])
def test_where_cs_is_too_small_no_axis_is_needed(sigma: float) -> None:
    """3 · C3 · (2 mrad)² is 0.12 nm at 0.01 mm: B2 is told in place of the axis."""
    corrected = replace(BELIEVED, column=Column(voltage_v=200e3, c3_m=0.01e-3))
    line = judged(axis(0.0, sigma), corrected, None, "fa")
    assert (line.level, line.value) == (GREEN, "B2 is 0 ± 10 nm")
    assert "Cs is too small" in line.sentence


def test_what_is_calibrated_is_compared_with_what_was_stored() -> None:
    """4 µm between presets harm nobody when they are calibrated."""
    found = Parfocality(reference="fa", difference_m=4e-6, difference_sigma_m=1e-8)
    assert judged(found, BELIEVED, found, "hl").level is GREEN
    believed = replace(BELIEVED, coma_free_rad=(0.0, 1.5e-3), height_per_z=0.8)
    assert judged(axis(1.5e-3), believed, None, "fa").level is GREEN
    assert judged(HeightResponse(c1_per_z=0.8, c1_per_z_sigma=1e-4), believed, None, "fa").level is GREEN


TRIED = Tried(
    ratio=1.0,
    ratio_sigma=1e-3,
    turn_rad=0.0,
    turn_sigma_rad=1e-3,
    a1_m=(0.0, 0.0),
    a1_sigma_m=1e-9,
    drift_m_per_s=0.0,
    points=(),
    fast=1.0,
    fast_sigma=1e-4,
    focus_m=0.0,
)


@pytest.mark.parametrize(
    ("changed", "key", "level"),
    [
        ({}, "ratio", GREEN),
        ({"ratio": 0.95}, "ratio", AMBER),
        ({"ratio": 1.2}, "ratio", RED),
        ({"ratio": 0.95, "ratio_sigma": 0.05}, "ratio", AMBER),  # too uncertain to judge
        ({"turn_rad": math.radians(-2)}, "tilt rotation", AMBER),
        ({"turn_rad": math.radians(5)}, "tilt rotation", RED),
        ({"fast": 0.7}, "tilt settling", RED),
        ({"fast": 0.98}, "tilt settling", AMBER),
        ({"a1_m": (0.0, 75e-9)}, "astigmatism", AMBER),
        ({"a1_m": (0.2e-6, 0.0)}, "astigmatism", RED),
    ],
)
def test_the_tilt_calibration_tried_out(changed: dict[str, Any], key: str, level: Level) -> None:
    """One thing wrong, one line that is not green."""
    lines = tilt_lines(replace(TRIED, **changed), "fa")
    assert [(line.key, line.level) for line in lines if line.level is not GREEN] == ([(key, level)] if changed else [])


def test_settling_is_not_told_where_it_was_not_seen() -> None:
    assert "tilt settling" not in [line.key for line in tilt_lines(replace(TRIED, fast=None), "fa")]


def test_a_report_is_as_good_as_its_worst_line() -> None:
    lines = tuple(Line(str(level), level, "", "") for level in (GREEN, AMBER))
    report = Report("scope", "fa", lines)
    assert (report.level, report.sentence) == (AMBER, "Ready with care: look at amber.")
    assert Report("scope", "fa", (*lines, Line("pivot", RED, "", ""))).sentence == "Not ready to focus: pivot."
    assert Report("scope", "fa", lines[:1]).sentence == "Ready to focus."
    assert worst() is GREEN
    assert [graded(-v, 1.0, 2.0) for v in (1.0, 2.0, 2.1)] == [GREEN, AMBER, RED]
