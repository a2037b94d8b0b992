"""Numbers in words, as an operator says them."""

from __future__ import annotations

import pytest

from eucentric.web.words import big_number, chance_words, plain


@pytest.mark.parametrize(
    ("value_m", "sigma_m", "told"),
    [
        (-1.23e-9, 6.81e-9, "−1.2 ± 6.8 nm"),
        (31.92e-9, 0.0961e-9, "+31.920 ± 0.096 nm"),
        (-53.682e-6, 0.843e-6, "−53.68 ± 0.84 µm"),
        (-53.682e-6, 0.996e-6, "−53.7 ± 1.0 µm"),  # rounded up, the error has one digit less behind the point
        (1234.5e-6, 661.8e-6, "+1230 ± 660 µm"),
        (0.0, 0.0, "+0.000 ± 0.000 nm"),
    ],
)
def test_an_error_has_two_digits_and_its_value_as_many_decimals(value_m: float, sigma_m: float, told: str) -> None:
    made = big_number(value_m, sigma_m)
    assert f"{made['value']} ± {made['error']} {made['unit']}" == told


def test_a_large_number_is_told_in_full() -> None:
    assert [plain(value) for value in (0.0837, 0.351, 12.4, 1.27e6)] == ["0.084", "0.35", "12", "1\u202f300\u202f000"]


def test_a_chance_is_said_in_words_the_more_so_the_larger_it_is() -> None:
    said = [chance_words(chance) for chance in (1e-40, 1e-9, 1e-4, 0.01, 0.2, 0.9)]
    assert len(set(said)) == len(said)
    assert said[1] == "less than one in a million"
