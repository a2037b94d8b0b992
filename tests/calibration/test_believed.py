"""What is kept becomes what focusing believes: numbers by construction."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from eucentric.calibration.believed import A1_UNKNOWN_M, ANOTHER_DAY, AXIS_UNKNOWN_RAD, book_from_store
from eucentric.calibration.instrument import Uncertainty
from eucentric.calibration.quantities import (
    AlphaResponse,
    ComaFreeAxis,
    EucentricFocus,
    FocusScale,
    HeightResponse,
    LensHysteresis,
    Parfocality,
    StigmatorResponse,
    TiltSettling,
)
from eucentric.calibration.record import Level, Record
from eucentric.calibration.store import CalibrationStore
from eucentric.calibration.tilt_response import true_tilt
from eucentric.errors import CalibrationError
from eucentric.optics.column import Column

from .kept import FA, HL, record, response

COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
COLUMNS = {"fa": COLUMN, "hl": COLUMN}
AXIS = ComaFreeAxis(tilt_rad=(1e-3, -2e-3), tilt_sigma_rad=5e-5, b2_m=(0.0, 0.0), b2_sigma_m=1e-7)
ALPHA = AlphaResponse(
    px_per_m=(2e8, 0.0),
    px_per_m_sigma=1e5,
    eucentric_z_m=0.0,
    eucentric_z_sigma_m=1e-7,
    axis_rad=0.3,
    axis_sigma_rad=2e-3,
)
STIGMATOR = StigmatorResponse(
    matrix_m=((1e-6, 0.0), (0.0, 1e-6)), matrix_sigma_m=1e-9, a1_m=(3e-8, 4e-8), a1_sigma_m=1e-9, value=(0.0, 0.0)
)


def test_a_pair_moves_by_response_times_defocus(tmp_path: Path) -> None:
    """shift·pixel = (M·t)·C1 in commanded metres, also where the response was taken with other pixels."""
    store = CalibrationStore(tmp_path)
    unbinned = FA.model_copy(update={"binning": 1, "pixel_m": FA.pixel_m / 4})
    store.keep(record(response(unbinned, 0.9 + 0.3j), unbinned))
    believed = book_from_store(store, "scope", [FA, HL], COLUMNS).of("fa")
    tilt, c1 = (2e-3, 5e-3), 1.5e-6
    in_pixels = response(unbinned, 0.9 + 0.3j).matrix_px_per_rad_m
    shift = [(row[0] * tilt[0] + row[1] * tilt[1]) * c1 * unbinned.pixel_m for row in in_pixels]
    assert [t * c1 for t in true_tilt(believed, tilt)] == pytest.approx(shift)


def test_all_that_is_kept_is_believed(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    quantities = (
        AXIS, ALPHA, STIGMATOR, EucentricFocus(focus_m=7e-6, focus_sigma_m=1e-7),
        HeightResponse(c1_per_z=0.99, c1_per_z_sigma=0.001),
        LensHysteresis(width_m=2e-6, width_sigma_m=0.0, excursion_m=20e-6),
        FocusScale(scale=1.02, scale_sigma=0.002, reference="Thon rings"),
        TiltSettling(time_s=0.05, time_sigma_s=0.05, left_at_return=0.0, left_sigma=5e-4),
    )  # fmt: skip
    for quantity in (response(cubic_per_rad2=50.0, cubic_sigma_per_rad2=5.0), *quantities):
        store.keep(record(quantity))
    got = book_from_store(store, "scope", [FA], COLUMNS, z_along_normal=True).of("fa")
    assert (got.coma_free_rad, got.alpha, got.stigmator, got.eucentric_focus_m) == (
        AXIS.tilt_rad,
        ALPHA,
        STIGMATOR,
        7e-6,
    )
    assert (got.height_per_z, got.z_along_normal, got.tilt_cubic_per_rad2) == (0.99, True, 50.0)
    assert (got.stage_tilt_axis_rad, got.column) == (0.3, COLUMN)
    sure = got.uncertainty
    assert (sure.tilt_scale, sure.focus_scale, sure.axis_rad) == (0.002, 0.002, 5e-5)
    assert sure.tilt_rotation_rad == pytest.approx(math.hypot(1e-3, ANOTHER_DAY))
    assert sure.stage_tilt_axis_rad == 2e-3
    assert sure.tilt_cubic_per_rad2 == 5.0
    assert sure.c1_scale == pytest.approx(math.hypot(0.02, 0.002))
    assert sure.c3_relative == pytest.approx(math.hypot(0.01, 2 * 0.01))  # Cs itself, and twice the pixel's 1 %
    assert sure.a1_m == pytest.approx(math.hypot(5e-8 / math.sqrt(2), 1e-9))
    assert sure.focus_hysteresis == pytest.approx(2e-6 / 40e-6)
    assert got.eucentric_focus_sigma_m == 1e-7
    assert sure.height_scale == pytest.approx(0.001 / 0.99)
    assert sure.tilt_settling == pytest.approx(5e-4)  # none was seen: its error is left


def test_what_is_not_known_is_believed_to_be_wide(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(record())
    sure = book_from_store(store, "scope", [FA], COLUMNS).of("fa").uncertainty
    assert (sure.axis_rad, sure.a1_m) == (AXIS_UNKNOWN_RAD, A1_UNKNOWN_M)
    assert sure.c1_scale == 0.01
    assert sure.height_scale == Uncertainty().height_scale


def test_records_from_before_an_error_was_kept_are_read() -> None:
    """Neither σ of the settling nor what is tied stands in them."""
    old = record(TiltSettling(time_s=0.05, time_sigma_s=0.05, left_at_return=0.0)).model_dump(mode="json")
    del old["quantity"]["left_sigma"]
    found = Record.model_validate(old).quantity
    assert isinstance(found, TiltSettling)
    assert found.left_sigma == 2e-3
    focus = record(EucentricFocus(focus_m=7e-6, focus_sigma_m=1e-7)).model_dump(mode="json")
    del focus["quantity"]["tied"]
    assert "runout" in Record.model_validate(focus).quantity.tied  # type: ignore[union-attr, operator]


def test_a_preset_without_a_tilt_response_names_the_command(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(record(AXIS))
    store.keep(record(optics=HL, level=Level.RED))
    with pytest.raises(CalibrationError, match="eucentric calibrate tilt --preset hl"):
        book_from_store(store, "scope", [FA, HL], COLUMNS).of("hl")


def test_the_axis_measured_at_one_preset_holds_at_all(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    for one in (record(AXIS, FA), record(optics=FA), record(optics=HL)):
        store.keep(one)
    book = book_from_store(store, "scope", [FA, HL], COLUMNS)
    assert {book.of(name).coma_free_rad for name in ("fa", "hl")} == {AXIS.tilt_rad}


def test_eucentric_focus_follows_from_parfocality(tmp_path: Path) -> None:
    """At eucentric height C1 = lens − (lens in focus) at either preset: D = C1(hl) − C1(fa) = L_fa − L_hl."""
    in_focus_fa, in_focus_hl = 3.0e-6, 1.2e-6
    store = CalibrationStore(tmp_path)
    store.keep(record(response(FA, 1.0 + 0j), FA))
    store.keep(record(response(HL, 1.0 + 0j), HL))
    store.keep(record(EucentricFocus(focus_m=in_focus_fa, focus_sigma_m=3e-8), FA))
    difference = Parfocality(reference="fa", difference_m=in_focus_fa - in_focus_hl, difference_sigma_m=4e-8)
    store.keep(record(difference, HL))
    believed = book_from_store(store, "scope", [FA, HL], COLUMNS).of("hl")
    assert believed.eucentric_focus_m == pytest.approx(in_focus_hl)
    assert believed.eucentric_focus_sigma_m == pytest.approx(5e-8)
    store.keep(record(EucentricFocus(focus_m=1.3e-6, focus_sigma_m=2e-8), HL))  # what was measured itself is believed
    assert book_from_store(store, "scope", [FA, HL], COLUMNS).of("hl").eucentric_focus_m == 1.3e-6
