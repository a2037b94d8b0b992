"""What the benchmark of tilt series calls held."""

from __future__ import annotations

import pytest

from benchmarks.claims import Outcome
from benchmarks.tomography_rows import Height, Tried, claims_of


def after_tomo_focus(above_stored_m: float, true_m: float) -> Tried:
    """Believed 50 ± 10 nm above the stored plane, and within ±500 nm of the true one."""
    return Tried(1, Height(above_stored_m, 50e-9, 10e-9, true_m, 500e-9))


def test_a_height_is_held_against_what_focusing_alone_states() -> None:
    """50 + 3·10 = 80 nm above the stored plane, however wide the bound of the true one is; and that one as well."""
    for above_m, true_m, held in ((75e-9, 0.4e-6, True), (85e-9, 0.4e-6, False), (75e-9, 0.6e-6, False)):
        tried = after_tomo_focus(above_m, true_m)
        assert tried.height is not None
        assert tried.height.held == held
        stated = list(claims_of([tried]))[1]
        assert (stated.outcome is Outcome.MET) == held
        assert tried.height.pull == pytest.approx((above_m - 50e-9) / 10e-9)
