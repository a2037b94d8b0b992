"""The pre-flight names the fault that is there, and no other: a perfect instrument with one fault, by construction."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from typing import Any

import pytest

from eucentric.calibrate import check as looked
from eucentric.calibrate.check import CheckPlan, preflight
from eucentric.calibrate.report import Report
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.calibration.record import Level
from eucentric.errors import Aborted
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope

TILTS = CheckPlan(alignments=())
TIMES = 5.0  # the default: what must be made visible


def perfect(**faults: Any) -> Microscope:
    magnitudes = {"specimen": {"height_m": 3e-6}} | faults
    return open_microscope("simulated", seed=3, size=256, perfect=True, magnitudes=magnitudes)


def book(scope: Microscope) -> CalibrationBook:
    return book_from(handed_out(scope))


def mistaken(right: CalibrationBook, factor: complex = 1 + 0j, axis_rad: float = 0.0) -> CalibrationBook:
    """The book with tilts believed larger and turned by `factor`, and the axis `axis_rad` beside."""
    turn = ((factor.real, factor.imag), (-factor.imag, factor.real))
    presets = {}
    for name, one in right.presets.items():
        (a, b), (c, d) = one.tilt_matrix
        rows = tuple((p * a + q * c, p * b + q * d) for p, q in turn)
        y, x = one.coma_free_rad
        presets[name] = replace(one, tilt_matrix=(rows[0], rows[1]), coma_free_rad=(y, x + axis_rad))
    return CalibrationBook(right.instrument, presets)


def not_green(report: Report) -> set[str]:
    return {line.key for line in report.lines if line.level is not Level.GREEN}


def state(scope: Microscope) -> tuple[object, ...]:
    return (scope.preset(), scope.beam_tilt_rad(), scope.focus_m(), scope.stigmator(), scope.stage())


def test_a_perfect_microscope_is_green_and_left_as_it_was() -> None:
    scope = perfect()
    before = state(scope)
    report = preflight(scope, book(scope), TILTS)
    assert not_green(report) == set()
    assert report.sentence == "Ready to focus."
    assert state(scope) == before
    assert report.dose_per_m2 > 0
    assert report.seconds > 0
    ratio = report.line("ratio")
    assert ratio is not None
    assert ratio.number is not None
    assert ratio.sigma is not None
    assert abs(ratio.number - 1) < 4 * ratio.sigma + 1e-3  # 1e-3: the cubic term the pair at 5 mrad has, 50·t² = 0.12 %
    for point in report.points:
        assert abs(point.measured_m - point.actual_m) < 1e-2 * abs(point.actual_m) + 5e-9


def test_a_wrong_tilt_calibration_is_seen_in_size_and_direction() -> None:
    """5 σ of the default: 5 % and 2.5°. What is believed too large by 5 % measures 1/1.05 of a known change."""
    scope = perfect(stage={"drift_rest_m_per_s": 2e-9}, column={"tilt_settling_s": TIMES * 0.04})
    report = preflight(scope, mistaken(book(scope), cmath.rect(1.05, math.radians(2.5))), TILTS)
    assert not_green(report) == {"ratio", "tilt rotation", "drift", "tilt settling"}
    ratio, turn, drift = (report.line(key) for key in ("ratio", "tilt rotation", "drift"))
    assert ratio is not None
    assert ratio.number == pytest.approx(1 / 1.05, abs=0.005)
    assert turn is not None
    assert turn.number == pytest.approx(math.radians(-2.5), abs=math.radians(0.2))
    assert drift is not None
    # 2 nm/s over 4 s against 0.02 px of 0.3 nm, and of two images 0.1 px.
    assert drift.number == pytest.approx(2e-9, rel=0.05)
    assert "eucentric calibrate tilt --preset fa" in ratio.sentence


def test_axis_lens_and_stage_are_looked_at_anew() -> None:
    scope = perfect(column={"hysteresis": TIMES * 0.01}, stage={"backlash_z_m": TIMES * 200e-9})
    plan = CheckPlan(alignments=("coma-free axis", "lens hysteresis", "stage backlash"))
    report = preflight(scope, mistaken(book(scope), axis_rad=TIMES * 0.3e-3), plan)
    assert {"coma-free axis", "hysteresis", "backlash"} <= not_green(report)
    axis, backlash = report.line("coma-free axis"), report.line("backlash")
    assert axis is not None
    assert axis.number == pytest.approx(1.5e-3, abs=0.1e-3)
    assert backlash is not None
    assert backlash.number == pytest.approx(1e-6, abs=0.1e-6)


def test_presets_that_are_not_parfocal_are_told() -> None:
    scope = perfect(column={"parfocal_m": TIMES * 0.5e-6})
    report = preflight(scope, book(scope), CheckPlan(alignments=("parfocality",)))
    assert not_green(report) == {"parfocality"}


def test_a_lit_area_that_leaves_the_view_is_told_as_pivot() -> None:
    scope = perfect(column={"pivot_m_per_rad": TIMES * 20e-6})
    report = preflight(scope, book(scope), CheckPlan(alignments=("pivot point",)))
    assert not_green(report) == {"pivot"}


def test_where_focus_is_not_reached_the_wrong_direction_is_told() -> None:
    """Believed a quarter turn and more off, the stage is sent astray; a first look believes nothing and sees it."""
    scope = perfect(specimen={"height_m": 60e-6})
    report = preflight(scope, mistaken(book(scope), cmath.rect(1.0, math.radians(100))), TILTS)
    assert not_green(report) == {"height", "tilt rotation"}
    turn = report.line("tilt rotation")
    assert turn is not None
    assert turn.number == pytest.approx(math.radians(-100), abs=math.radians(6))  # a first look: 3°


def test_a_dead_shutter_is_told_and_nothing_else_is_tried() -> None:
    scope = perfect(camera={"dead_shutter": True, "read_noise_counts": 3.0})
    report = preflight(scope, book(scope), TILTS)
    assert not_green(report) == {"shutter"}
    assert [line.key for line in report.lines] == ["not arrived", "shutter"]


@pytest.mark.parametrize("where", ["controls", "coming near to focus", "three known defoci", "drift"])
def test_an_operator_ends_it(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is being looked at, nothing goes on, and everything is put back."""
    scope = perfect()
    before = state(scope)

    def stop(*_: object, **__: object) -> None:
        raise Aborted("The operator ended it.")

    calls = {
        "controls": "control_line",
        "coming near to focus": "come_near",
        "three known defoci": "try_known_defoci",
        "drift": "drift_line",
    }
    monkeypatch.setattr(looked, calls[where], stop)
    seen: list[str] = []
    with pytest.raises(Aborted):
        preflight(scope, book(scope), TILTS, progress=lambda what, _: seen.append(what))
    assert seen[-1] == where
    assert state(scope) == before


def test_dropped_writes_are_told() -> None:
    """One in five, so that none of 32 has a chance of 0.1 %."""
    scope = perfect(dropped_writes=0.2)
    line = preflight(scope, book(scope), TILTS).line("not arrived")
    assert line is not None
    assert line.level is Level.RED
    assert "drops what it is told" in line.sentence
