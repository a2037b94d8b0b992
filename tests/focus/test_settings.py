"""Settings read units, know their bounds, refuse unknown names."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from eucentric.focus.fields import si_unit, without_unit
from eucentric.focus.settings import (
    CorrectionLimits,
    FocusSequence,
    FocusSettings,
    FocusStep,
    ResetDefocus,
    Thresholds,
    default_sequence,
)

# The words of the table in PEERS.md section 1, and of the node settings below it, as they stand in a file.
STEP_WORDS = (
    *("switch", "name", "preset", "focus_method", "tilt", "correlation_type", "fit_limit", "delta_min", "delta_max"),
    *("correction_type", "stig_correction", "stig_defocus_min", "stig_defocus_max", "check_drift", "drift_threshold"),
    *("recheck_drift", "reset_defocus"),
)
NODE_WORDS = (
    *("melt_preset", "melt_time", "manual_focus_preset", "acquire_final", "beam_tilt_settle_time", "on_phase_plate"),
    *("accuracy_limit", "pause_time"),
)


def step(**changes: object) -> FocusStep:
    return FocusStep.model_validate({"name": "z", "preset": "hl", **changes})


def test_every_setting_that_users_know_is_there() -> None:
    assert set(STEP_WORDS) <= {without_unit(n) for n in FocusStep.model_fields}
    assert set(NODE_WORDS) <= {without_unit(n) for n in FocusSettings.model_fields}


@pytest.mark.parametrize("suffix", ["", "_m"])
def test_units_are_read_to_the_last_bit(suffix: str) -> None:
    assert step(**{f"tolerance{suffix}": "20 um"}).tolerance_m == 2e-5
    assert step(tilt="4 mrad", drift_threshold="3 A/s").tilt_rad == 4e-3
    assert step(tilt_direction_rad="45 deg").tilt_direction_rad == pytest.approx(0.785398, abs=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"tilt_rad": 0.0},
        {"tilt_rad": "4 nm"},
        {"tilt_rad": "much"},
        {"tilt_rad": True},
        {"tilt": "100 mrad"},
        {"tolerances": 1e-9},
        {"tolerance": float("nan")},
        {"delta_max": 20},
        {"correction_type": "Lens"},
        {"delta_min_m": 2e-6, "delta_max_m": 1e-6},
        {"stig_defocus_min": "5 um"},
        {"stig_correction": True, "pattern": "pair"},
        {"focus_method": "Stage Tilt"},
        {"focus_method": "Stage Tilt", "tilt": "1 deg", "fit_limit_px2": 4.0},
        {"recheck_drift": True},
        {"name": ""},
        {"thresholds": {"false_lock_max": 2.0}},
    ],
)
def test_what_can_not_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        step(**changes)


def test_what_goes_together_is_accepted() -> None:
    assert step(stig_correction=True, pattern="cross").measures_astigmatism
    assert not step(focus_method="Stage Tilt", tilt="1 deg").measures_astigmatism
    assert step(reset_defocus=True).reset_defocus is ResetDefocus.YES
    assert step(reset_defocus="no").reset_defocus is ResetDefocus.NO


def test_a_phase_plate_needs_its_own_tilts() -> None:
    with pytest.raises(ValidationError, match="phase plate tilts"):
        FocusSettings(sequence=default_sequence(), on_phase_plate=True)
    tilts = [["0 mrad", "-5 mrad"], ["0 mrad", "5 mrad"]]
    values = {"sequence": default_sequence(), "on_phase_plate": True, "phase_plate_tilts": tilts}
    assert FocusSettings.model_validate(values).phase_plate_tilts_rad == ((0.0, -5e-3), (0.0, 5e-3))


def test_a_step_may_have_tilts_of_its_own_in_opposite_pairs() -> None:
    own = step(tilts=[["3 mrad", "-4 mrad"], ["0 mrad", "10 mrad"], ["-3 mrad", "4 mrad"], ["0 mrad", "-10 mrad"]])
    assert own.largest_tilt_rad == pytest.approx(10e-3)
    assert own.beam_tilts().links == ((0, 2), (1, 3))
    assert own.measures_astigmatism
    # A further look with smaller tilts makes all of them smaller.
    assert own.beam_tilts(0.5).tilts[1] == pytest.approx((0.0, 5e-3))
    assert step(tilt="7 mrad").largest_tilt_rad == 7e-3
    for tilts, words in (([["0 mrad", "5 mrad"]] * 2, "no opposite tilt"), ([["0 mrad", "90 mrad"]] * 2, "90.00 mrad")):
        with pytest.raises(ValidationError, match=words):
            step(tilts=tilts)


def test_the_accuracy_limit_can_be_switched_off() -> None:
    values = {"sequence": default_sequence(), "accuracy_limit": "off"}
    assert FocusSettings.model_validate(values).accuracy_limit_m is None


def test_a_sequence_survives_json_and_is_frozen() -> None:
    sequence = default_sequence()
    assert FocusSequence.model_validate_json(sequence.model_dump_json()) == sequence
    with pytest.raises(ValidationError):
        sequence.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("model", [FocusStep, FocusSequence, FocusSettings, CorrectionLimits, Thresholds])
def test_every_setting_says_what_it_is_and_has_bounds(model: type[FocusStep]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        if si_unit(name) is not None and field.annotation in (float, float | None):
            assert any(hasattr(m, "gt") or hasattr(m, "ge") for m in field.metadata), name


@pytest.mark.parametrize("name", ["../out", "a/b", "c:\\d", ".hidden", ""])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        FocusStep(name=name, preset="fa")


def test_names_may_have_spaces() -> None:
    assert FocusStep(name="Z Focus 2", preset="fa").name == "Z Focus 2"
