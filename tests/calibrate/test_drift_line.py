"""Drift is judged by what focus waits for."""

from __future__ import annotations

import pytest

from eucentric.calibrate.drift_line import THRESHOLD_M_PER_S, judged_drift
from eucentric.calibration.record import Level
from eucentric.focus.settings import FocusStep


def test_the_threshold_is_that_of_focus() -> None:
    assert FocusStep(name="one", preset="fa").drift_threshold_m_per_s == THRESHOLD_M_PER_S


@pytest.mark.parametrize(
    ("just", "later", "level", "words"),
    [
        (0.29e-9, 0.02e-9, Level.GREEN, "slower than 0.30 nm/s"),
        (0.35e-9, 0.05e-9, Level.AMBER, "focus will wait until the specimen is slower than 0.30 nm/s"),
        (0.35e-9, 0.35e-9, Level.AMBER, "focus will wait until it is slower"),
        (2e-9, 1.2e-9, Level.RED, "check the cooling"),
        (6e-9, 0.1e-9, Level.RED, "focus will wait"),
    ],
)
def test_above_it_focus_will_wait(just: float, later: float, level: Level, words: str) -> None:
    line = judged_drift(just, later, 1e-12)
    assert line.level is level
    assert words in line.sentence
    assert (line.number, line.sigma) == (later, 1e-12)
