"""Settings read units, know their bounds, refuse unknown names."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from eucentric.focus.settings import FocusSequence, FocusStep, default_sequence


def test_units_are_read() -> None:
    step = FocusStep.model_validate(
        {"name": "z", "preset": "hl", "tilt_rad": "4 mrad", "tolerance_m": "20 nm", "tilt_direction_rad": "45 deg"}
    )
    assert step.tilt_rad == pytest.approx(4e-3)
    assert step.tolerance_m == pytest.approx(20e-9)
    assert step.tilt_direction_rad == pytest.approx(0.785398, abs=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"tilt_rad": 0.0},
        {"tilt_rad": "4 nm"},
        {"tilt_rad": "much"},
        {"tolerance": 1e-9},
        {"correction_type": "Lens"},
        {"delta_min_m": 2e-6, "delta_max_m": 1e-6},
        {"name": ""},
        {"thresholds": {"false_lock_max": 2.0}},
    ],
)
def test_what_can_not_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FocusStep.model_validate({"name": "z", "preset": "hl", **changes})


def test_a_sequence_survives_json_and_is_frozen() -> None:
    sequence = default_sequence()
    assert FocusSequence.model_validate_json(sequence.model_dump_json()) == sequence
    with pytest.raises(ValidationError):
        sequence.name = "other"  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    for model in (FocusStep, FocusSequence):
        for name, field in model.model_fields.items():
            assert name in {"enabled", "method"} or field.description, name


@pytest.mark.parametrize("name", ["../out", "a/b", "c:\\d", ".hidden", ""])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        FocusStep(name=name, preset="fa")


def test_names_may_have_spaces() -> None:
    assert FocusStep(name="Z Focus 2", preset="fa").name == "Z Focus 2"
