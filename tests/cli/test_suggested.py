"""What a message suggests to run reaches the same instrument and the same calibrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.cli.suggested import given_options, suggesting, with_options
from eucentric.errors import CalibrationError

GIVEN = "--seed 3 --store mine"


def test_only_what_differs_from_the_defaults_is_repeated() -> None:
    assert given_options() == ""
    assert given_options(microscope="scope", seed=3, store=Path("my store")) == (
        "--microscope scope --seed 3 --store 'my store'"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run: eucentric calibrate all", f"Run: eucentric calibrate all {GIVEN}"),
        ("Run: eucentric calibrate tilt --preset fa.", f"Run: eucentric calibrate tilt --preset fa {GIVEN}."),
        (
            "(eucentric calibrate tilt --preset fa), or choose",
            f"(eucentric calibrate tilt --preset fa {GIVEN}), or choose",
        ),
        ("Run `eucentric calibrate alpha`, or use", f"Run `eucentric calibrate alpha {GIVEN}`, or use"),
        (
            "run: eucentric calibrate alpha --preset hl, then eucentric calibrate eucentric-focus --preset fa",
            f"run: eucentric calibrate alpha --preset hl {GIVEN}, then eucentric calibrate eucentric-focus --preset fa "
            f"{GIVEN}",
        ),
        ("Run: eucentric calibrate all --seed 1 --store x", "Run: eucentric calibrate all --seed 1 --store x"),
        ("What 'eucentric calibrate' kept.", "What 'eucentric calibrate' kept."),
    ],
)
def test_commands_get_the_options(text: str, expected: str) -> None:
    assert with_options(text, GIVEN) == expected
    assert with_options(text, "") == text


def test_errors_and_their_notes_get_them_too() -> None:
    error = CalibrationError("Nothing. Run: eucentric calibrate all")
    error.add_note("Or: eucentric calibrate tilt --preset fa")
    with pytest.raises(CalibrationError) as raised, suggesting(GIVEN):
        raise error
    assert str(raised.value).endswith(f"all {GIVEN}")
    assert raised.value.__notes__ == [f"Or: eucentric calibrate tilt --preset fa {GIVEN}"]
