"""Numbers for people."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.errors import InputError
from eucentric.units import (
    decimals,
    exactly,
    parse,
    show_bound,
    show_chance,
    show_error,
    show_length,
    show_measured,
    show_odds,
)


@pytest.mark.parametrize(
    ("value_m", "shown"),
    [(-3e-7, "−0.300 µm"), (3e-9, "3.0 nm"), (2e-3, "2.000 mm"), (math.nan, "nan µm"), (-math.inf, "−inf µm")],
)
def test_lengths(value_m: float, shown: str) -> None:
    assert show_length(value_m) == shown


@pytest.mark.parametrize(
    ("error_m", "shown"),
    [(661.8e-6, "662 µm"), (2.34e-5, "23 µm"), (1.319e-6, "1.3 µm"), (6.8e-9, "6.8 nm"), (9e-11, "0.09 nm")],
)
def test_an_error_has_two_digits_that_count_and_three_from_100_upwards(error_m: float, shown: str) -> None:
    assert show_error(error_m) == shown


@given(st.floats(min_value=1e-10, max_value=1e-1), st.floats(min_value=-1e-1, max_value=1e-1))
def test_a_value_ends_where_its_error_does(error_m: float, value_m: float) -> None:
    value, error = show_measured(value_m, (error_m, "")).rsplit(" ", 1)[0].split(" ± ")
    assert len(value.partition(".")[2]) == len(error.partition(".")[2])
    assert len(error.replace(".", "").lstrip("0")) <= 3


def test_the_value_has_the_digits_of_the_last_error_and_those_before_it_one_at_least() -> None:
    shown = show_measured(-300.4e-9, (2e-9, "statistical"), (15.2e-9, "total"))
    assert shown == "−0.300 ± 0.002 (statistical) ± 0.015 (total) µm"
    shown = show_measured(-97.209e-6, (2.3e-9, "statistical"), (1.319e-6, "total"))
    assert shown == "−97.2 ± 0.002 (statistical) ± 1.3 (total) µm"
    assert show_measured(-0.31e-9, (0.09e-9, ""), (6.8e-9, "")) == "−0.3 ± 0.09 ± 6.8 nm"
    assert decimals(0.0) == 3


@pytest.mark.parametrize(
    ("bound_m", "shown"),
    [(22e-6, "22 µm"), (661.8e-6, "662 µm"), (999.7e-6, "1 mm"), (999.7e-9, "1 µm"), (-2e-8, "−20 nm"), (0.0, "0 nm")],
)
def test_bounds_have_three_digits(bound_m: float, shown: str) -> None:
    assert show_bound(bound_m) == shown


def test_chances_and_odds_beyond_belief_are_not_spelled_out() -> None:
    assert show_chance(1e-200) == "below 1e-30"
    assert show_chance(0.3) == "0.3"
    assert show_odds(1e300) == "over 1e30"
    assert show_odds(12.34) == "12.3"


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("20 um", "m", 2e-5),
        ("25 nm", "m", 2.5e-8),
        (" −0.5µm ", "m", -5e-7),
        (".5 mrad", "rad", 5e-4),
        ("1 deg", "rad", math.radians(1)),
        ("3 A/s", "m/s", 3e-10),
        ("50 e/A2", "1/m2", 5e21),
        ("2.5", "s", 2.5),
        ("200 kV", "V", 2e5),
    ],
)
def test_a_number_with_a_unit_is_read_to_the_last_bit(text: str, unit: str, value: float) -> None:
    assert parse(text, unit) == value


@pytest.mark.parametrize(
    "text", ["", "um", "1.2.3 um", "20 um um", "20 UM", "20 mrad", "nan m", "1e999 m", "1e" + 30 * "9"]
)
def test_what_is_no_length_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="Write for example '20 um'"):
        parse(text, "m")


def test_the_example_is_of_the_wanted_kind() -> None:
    with pytest.raises(InputError, match=r"rad, mrad.*Write for example '10 mrad'"):
        parse("4 nm", "rad")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2e-5, "m", "20 um"),
        (-5e-7, "m", "-500 nm"),
        (0.0, "m", "0 nm"),
        (3e-10, "m/s", "3 A/s"),
        (5e21, "1/m2", "50 e/A2"),
    ],
)
def test_values_are_written_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert exactly(value, unit) == text


def test_degrees_are_written_where_asked_for() -> None:
    assert exactly(math.radians(1), "rad", "deg") == "1 deg"


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["m", "rad", "s", "m/s", "1/m2", "V"]))
def test_what_is_written_is_read_back_exactly(value: float, unit: str) -> None:
    assert parse(exactly(value, unit), unit) == value
    if unit == "rad":
        assert parse(exactly(value, unit, "deg"), unit) == value
