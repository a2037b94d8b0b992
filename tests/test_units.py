"""Numbers for people."""

from __future__ import annotations

import math

import pytest

from eucentric.units import show_chance, show_length, show_odds


@pytest.mark.parametrize(
    ("value_m", "shown"),
    [(-3e-7, "−0.300 µm"), (3e-9, "3.0 nm"), (2e-3, "2.000 mm"), (math.nan, "nan µm"), (-math.inf, "−inf µm")],
)
def test_lengths(value_m: float, shown: str) -> None:
    assert show_length(value_m) == shown


def test_chances_and_odds_beyond_belief_are_not_spelled_out() -> None:
    assert show_chance(1e-200) == "below 1e-30"
    assert show_chance(0.3) == "0.3"
    assert show_odds(1e300) == "over 1e30"
    assert show_odds(12.34) == "12.3"
