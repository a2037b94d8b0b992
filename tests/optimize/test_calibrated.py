"""What calibrations measured in the place of an instrument's file: numbers by construction, and who they are of."""

from __future__ import annotations

import math
from typing import Any

import pytest

from eucentric.calibration.believed import ANOTHER_DAY
from eucentric.calibration.quantities import (
    AnyQuantity,
    ComaFreeAxis,
    FocusScale,
    HeightResponse,
    LensHysteresis,
    Parfocality,
    PivotPoint,
    StageBacklash,
    StigmatorResponse,
    TiltSettling,
)
from eucentric.calibration.record import Level, OpticsState, Record
from eucentric.errors import CalibrationError
from eucentric.optimize.calibrated import calibrated
from eucentric.optimize.instrument import Instrument, instrument_of
from tests.calibration.kept import FA, HL, record, response


def _there() -> Instrument:
    return instrument_of("200kv-side-entry")


ALL: tuple[AnyQuantity, ...] = (
    ComaFreeAxis(tilt_rad=(1e-3, 0.0), tilt_sigma_rad=7e-6, b2_m=(0.0, 0.0), b2_sigma_m=1e-7),
    StigmatorResponse(
        matrix_m=((1e-6, 0.0), (0.0, 1e-6)), matrix_sigma_m=1e-9, a1_m=(6e-9, 8e-9), a1_sigma_m=1e-9, value=(0.0, 0.0)
    ),
    HeightResponse(c1_per_z=0.98, c1_per_z_sigma=0.00049),
    LensHysteresis(width_m=2e-6, width_sigma_m=0.0, excursion_m=20e-6),
    FocusScale(scale=1.01, scale_sigma=0.0, reference="Thon rings"),
    TiltSettling(time_s=0.03, time_sigma_s=0.04, left_at_return=1e-3),
    StageBacklash(z_m=0.3e-6, z_sigma_m=0.4e-6),
    PivotPoint(matrix_m_per_rad=((0.0, 30e-6), (-10e-6, 0.0)), sigma_m_per_rad=1e-6),
)


def test_what_was_measured_takes_the_place_of_the_files_numbers() -> None:
    """By the formulas of what focusing believes; the tilt scale of each preset has its own: the worst counts."""
    records = [
        record(response(FA, scale_sigma=0.001, rotation_sigma_rad=1e-3, cubic_sigma_per_rad2=4.0)),
        record(response(HL, scale_sigma=0.003, rotation_sigma_rad=0.5e-3), HL),
        record(Parfocality(reference="fa", difference_m=3e-7, difference_sigma_m=4e-7), HL),
        *(record(quantity) for quantity in ALL),
    ]
    came = calibrated(_there(), records)
    errors, lens, stage = came.instrument.errors, came.instrument.lens, came.instrument.stage
    assert (errors.tilt_scale, errors.focus_scale, errors.tilt_cubic) == (0.003, 0.003, 4.0)
    assert errors.tilt_rotation_rad == pytest.approx(math.hypot(1e-3, ANOTHER_DAY))
    assert errors.axis_rad == 7e-6
    assert errors.a1_m == pytest.approx(math.sqrt((36 + 64) / 2 + 1) * 1e-9)
    assert errors.parfocal_m == pytest.approx(5e-7)
    # Cs against the metre of the lens, which is 1 % off: thrice that; 1 % of Cs, and twice 1 % of a pixel.
    assert errors.cs == pytest.approx(math.hypot(0.01, 0.02, 0.03))
    assert lens.hysteresis == pytest.approx(0.05)  # half a loop of 2 µm over 20
    assert lens.pivot_m == pytest.approx(30e-9)  # per mrad, where it moves most
    assert stage.z_scale == pytest.approx(0.0005)
    assert stage.backlash_m == pytest.approx(0.5e-6)
    assert came.instrument.times.tilt_settling_s == pytest.approx(0.05)
    said = came.sentences[0]
    for words in (
        "From calibrations of scope: tilt scale 0.3 % (hl)",
        "tilt rotation 1.1 mrad (fa)",
        "pivot 30 nm per",
    ):
        assert words in said
    # All else is the file's.
    assert came.instrument.specimen == _there().specimen
    assert stage.drift_m_per_s == _there().stage.drift_m_per_s
    assert {one.path for one in came.measured} >= {"errors.tilt_scale", "stage.backlash_m", "lens.pivot_m"}


def test_what_was_not_measured_stays_as_the_file_has_it() -> None:
    came = calibrated(_there(), [record(response())])
    assert came.instrument.errors.axis_rad == _there().errors.axis_rad
    assert came.instrument.stage == _there().stage
    assert [one.path for one in came.measured] == [
        "errors.tilt_scale",
        "errors.tilt_rotation_rad",
        "errors.tilt_cubic",
        "errors.focus_scale",
    ]


def test_high_tension_and_pixels_are_those_that_were_calibrated() -> None:
    """An image binned by 4 with pixels of 0.36 nm: the camera's are 0.09."""
    other = FA.model_copy(update={"voltage_v": 300e3, "pixel_m": 0.36e-9})
    came = calibrated(_there(), [record(response(other), other)])
    assert came.instrument.lens.voltage == 300e3
    assert came.instrument.magnifications[-1].pixel_m == pytest.approx(0.09e-9)
    assert "300 kV, pixel of fa 0.09 nm" in came.sentences[0]


def test_a_plan_is_made_of_what_is_not_red_and_newest() -> None:
    old = record(response(scale_sigma=0.02), days_old=3)
    bad = record(response(scale_sigma=0.05), level=Level.RED)
    new = record(response(scale_sigma=0.004), days_old=1)
    assert calibrated(_there(), [old, new, bad]).instrument.errors.tilt_scale == 0.004


def test_presets_that_one_side_does_not_know_are_named() -> None:
    strange = FA.model_copy(update={"preset": "nanoprobe", "magnification": 50e3})
    came = calibrated(_there(), [record(response()), record(response(strange, scale_sigma=0.1), strange)])
    assert came.instrument.errors.tilt_scale == 0.002
    (unknown, missing) = came.notes
    assert "Calibrated at nanoprobe, which 200 kV side entry has not (sq, hl, fc, fa)" in unknown
    assert "Not calibrated: sq, hl, fc" in missing
    assert "eucentric calibrate tilt --preset sq" in missing
    assert missing.endswith("--preset fa")


def _at(optics: OpticsState, **changed: Any) -> Record:
    return record(response(optics), optics, **changed)


@pytest.mark.parametrize(
    ("records", "whose", "words"),
    [
        ([], None, "eucentric calibrate all"),
        (
            [_at(FA), _at(FA, instrument="other")],
            None,
            'several instruments: other, scope. Say whose: --calibrations-of "o',
        ),
        ([_at(FA)], "third", "no 'third': scope"),
        ([record(ALL[0])], None, "eucentric calibrate tilt --preset fa"),
        (
            [_at(FA.model_copy(update={"preset": "a"}))],
            None,
            "at a, and 200 kV side entry has sq, hl, fc, fa: none",
        ),
        ([_at(FA), _at(HL.model_copy(update={"voltage_v": 300e3}))], None, "are at 200 kV, 300 kV"),
        ([record(response(scale_sigma=0.5))], None, "errors.tilt_scale is 0.5"),
    ],
    ids=["none", "several", "another", "no tilts", "no preset", "two tensions", "out of bounds"],
)
def test_what_does_not_fit_is_a_sentence(records: list[Record], whose: str | None, words: str) -> None:
    with pytest.raises(CalibrationError) as said:
        calibrated(_there(), records, whose)
    assert words in str(said.value)
    assert "\n" not in str(said.value)
