"""Applications on paper: chains that hold, and the sentences with which others are refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.errors import SettingsError
from eucentric.focus.settings import FocusSettings
from eucentric.focus.shipped import shipped
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.msi.application import Application, GridSettings, Kind, Lattice, NodeSettings
from eucentric.msi.chain import Forecast, check_chain
from eucentric.msi.presets import install
from eucentric.msi.shipped import SHIPPED, shipped_application

CORNERS = Lattice(rows=2, columns=2, spacing_m=3e-6)
TWO = Lattice(columns=2, spacing_m=4.243e-6, angle_rad=math.pi / 4, centre_m=(1.5e-6, 1.5e-6))
"""Focus targets at (0, 0) and (3, 3) µm from each hole's middle."""
HOLES = Lattice(rows=2, columns=2, spacing_m=6e-6, leave_out=(3,))


@pytest.fixture(scope="module")
def scope() -> Guarded:
    return Guarded(open_microscope("simulated", seed=1))


@pytest.fixture(scope="module")
def book(scope: Guarded) -> CalibrationBook:
    return book_from(handed_out(scope))


def _focus(name: str, settings: FocusSettings, **values: Any) -> NodeSettings:
    return NodeSettings(name=name, kind=Kind.FOCUS, focus=settings, **values)


def _image(name: str, preset: str, **values: Any) -> NodeSettings:
    return NodeSettings(name=name, kind=Kind.ACQUIRE, preset=preset, **values)


SQUARE = _image("Square", "sq")
Z_FOCUS = _focus("Z Focus", shipped("z-focus-beam-tilt"), inside="Square")
HOLE = _image("Hole", "hl", inside="Square", targets=HOLES)
FOCUS = _focus("Focus", shipped("focus"), inside="Hole", targets=TWO)
EXPOSURE = _image("Exposure", "fa", inside="Hole", targets=CORNERS, within_m=50e-9)


def _application(*nodes: NodeSettings, **grid: float) -> Application:
    return Application(name="test", grid=GridSettings(**grid), nodes=nodes)


def _refused(application: Application, scope: Guarded, book: CalibrationBook) -> str:
    with pytest.raises(SettingsError) as refused:
        check_chain(application, scope, book)
    return str(refused.value)


def _by_node(forecasts: tuple[Forecast, ...]) -> dict[str, Forecast]:
    return {one.node: one for one in forecasts}


def test_a_chain_that_holds_tells_what_is_known_before_and_after(scope: Guarded, book: CalibrationBook) -> None:
    of = _by_node(check_chain(_application(SQUARE, Z_FOCUS, HOLE, FOCUS, EXPOSURE), scope, book))
    assert list(of) == ["Square", "Z Focus", "Hole", "Focus", "Exposure"]
    assert of["Z Focus"].known_before.height_within_m == 200e-6
    assert of["Z Focus"].known_after.height_within_m == pytest.approx(3e-6 + 3 * 50e-9)
    # 2.1 to 7.4 µm away from where Z Focus worked the film may be higher or lower: by some tenths of a micrometre
    assert 3.15e-6 < of["Focus"].known_before.height_within_m < 5e-6
    assert of["Focus"].known_after.defocus_within_m == pytest.approx(100e-9)
    assert all(check.met for one in of.values() for check in (*one.needs, *one.promises))
    (need,) = of["Exposure"].needs
    assert need.value is not None
    assert 25e-9 < need.value < 50e-9


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_holds(name: str, scope: Guarded, book: CalibrationBook) -> None:
    application = shipped_application(name)
    forecasts = check_chain(application, scope, install(scope, application, book))
    assert len(forecasts) == len(application.nodes)


def test_nothing_moves(scope: Guarded, book: CalibrationBook) -> None:
    before = (scope.preset().name, scope.focus_m(), scope.stage(), scope.now_s())
    check_chain(_application(SQUARE, Z_FOCUS), scope, book)
    assert (scope.preset().name, scope.focus_m(), scope.stage(), scope.now_s()) == before


def test_focus_without_z_focus_is_refused(scope: Guarded, book: CalibrationBook) -> None:
    said = _refused(_application(SQUARE, HOLE, FOCUS, EXPOSURE), scope, book)
    assert "Node 'Focus' of application 'test' needs defocus within ±22 µm" in said
    assert "no focus node stands before it: the grid's settings give ±200 µm" in said
    assert 'Put a Z Focus node before it (focus = "z-focus-beam-tilt")' in said


def test_a_promise_that_does_not_meet_the_next_need_names_both_nodes(scope: Guarded, book: CalibrationBook) -> None:
    rough = shipped("z-focus-beam-tilt")
    rough = rough.model_copy(update={"sequence": rough.sequence.model_copy(update={"accuracy_m": 60e-6})})
    said = _refused(_application(SQUARE, _focus("Z Focus", rough, inside="Square"), HOLE, FOCUS), scope, book)
    assert "Node 'Focus'" in said
    assert "needs height within ±20 µm" in said
    # 60 µm as is stated, of which 3 σ are the lens' scale: √((0.03 · 58 µm)² + …) more than the 3 σ that were in it.
    assert "with node 'Z Focus' before it there will be ±61.1" in said


def test_a_grid_higher_than_the_first_node_reaches_is_refused(scope: Guarded, book: CalibrationBook) -> None:
    said = _refused(_application(SQUARE, Z_FOCUS, height_within_m=300e-6), scope, book)
    assert "Node 'Z Focus' of application 'test' needs height within ±220 µm" in said
    assert "±300 µm" in said
    assert "delta max above 302 µm" in said


def test_exposures_that_no_focus_target_is_near_enough_to_are_refused(scope: Guarded, book: CalibrationBook) -> None:
    one = FOCUS.model_copy(update={"targets": Lattice()})
    said = _refused(_application(SQUARE, Z_FOCUS, HOLE, one, EXPOSURE), scope, book)
    assert "Node 'Exposure' of application 'test' needs defocus within ±50 nm" in said
    assert "with node 'Focus' before it" in said
    assert "more focus targets" in said
    # On a film that is known to be flatter one is enough.
    check_chain(_application(SQUARE, Z_FOCUS, HOLE, one, EXPOSURE, bend_m=0.1e-6), scope, book)


def test_what_is_at_odds_in_the_application_itself_is_said_first(scope: Guarded, book: CalibrationBook) -> None:
    said = _refused(_application(SQUARE, Z_FOCUS, HOLE, EXPOSURE, FOCUS), scope, book)
    assert "Node 'Focus' stands after it in the file: put it before." in said
    other = EXPOSURE.model_copy(update={"preset": "en"})
    said = _refused(_application(SQUARE, Z_FOCUS, HOLE, FOCUS, other), scope, book)
    assert "'en' has another magnification" in said
    assert "Put a Focus node before it" in _refused(_application(SQUARE, Z_FOCUS, HOLE, EXPOSURE), scope, book)


def test_exposures_without_any_focus_are_refused(scope: Guarded, book: CalibrationBook) -> None:
    said = _refused(_application(SQUARE, HOLE, EXPOSURE), scope, book)
    assert "no focus node stands before it" in said


def test_a_step_that_the_one_before_it_leaves_out_of_range_is_refused(scope: Guarded, book: CalibrationBook) -> None:
    settings = shipped("focus")
    first, last, *rest = settings.sequence.steps
    wide = first.model_copy(update={"tolerance_m": 10e-6})
    sequence = settings.sequence.model_copy(update={"steps": (wide, last, *rest)})
    node = _focus("Focus", settings.model_copy(update={"sequence": sequence}), inside="Square")
    said = _refused(_application(SQUARE, Z_FOCUS, node), scope, book)
    assert f"begins its step '{last.name}' with defocus ±10." in said


def test_an_accuracy_that_can_not_be_reached_is_refused(scope: Guarded, book: CalibrationBook) -> None:
    settings = shipped("focus")
    sequence = settings.sequence.model_copy(update={"accuracy_m": 20e-9})
    node = _focus("Focus", settings.model_copy(update={"sequence": sequence}), inside="Square")
    said = _refused(_application(SQUARE, Z_FOCUS, node), scope, book)
    assert "Node 'Focus' of application 'test' promises defocus" in said
    assert "raise its accuracy" in said


def test_missing_presets_and_calibrations_are_named(scope: Guarded, book: CalibrationBook) -> None:
    assert "asks for preset 'zz'" in _refused(_application(_image("Square", "zz")), scope, book)
    without = CalibrationBook(book.instrument, {k: v for k, v in book.presets.items() if k != "hl"})
    said = _refused(_application(SQUARE, Z_FOCUS), scope, without)
    assert "Node 'Z Focus'" in said
    assert "eucentric calibrate tilt --preset hl" in said


def test_an_unknown_parfocal_difference_is_refused(scope: Guarded, book: CalibrationBook) -> None:
    unknown = {**book.presets, "fa": replace(book.of("fa"), eucentric_focus_m=None)}
    said = _refused(_application(SQUARE, Z_FOCUS, HOLE, FOCUS), scope, CalibrationBook(book.instrument, unknown))
    assert "presets 'hl' and 'fa' focus is not known" in said
    assert "eucentric calibrate eucentric-focus --preset fa" in said
