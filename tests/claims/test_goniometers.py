"""Tilt series without images: their goniometers are the simulator's, and they judge what they are to."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.claims import Outcome
from benchmarks.goniometer_series import Asked, Goniometer, Taken, taken
from benchmarks.goniometers import rows
from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import StageMagnitudes

DEFAULT = Asked("as shipped")


def rises(goniometer: Goniometer) -> float:
    """The rms rise over ±60°, about its mean, of 60 goniometers; metres."""
    alphas = np.radians(np.arange(-60, 61, 6))
    each = []
    for seed in range(60):
        stage, found = goniometer.stage(Clock(), seed), []
        for alpha in alphas:
            stage.move({"alpha_rad": float(alpha)})
            found.append(stage.place().rise_m)
        each.append(np.var(found))
    return math.sqrt(np.mean(each))


def test_waves_of_other_lengths_are_as_high() -> None:
    """0.15 µm rms and the 20 nm of arriving, both; of a wave of 120° over 120° some of it is taken for the mean."""
    expected = math.hypot(0.15e-6, 20e-9)
    assert rises(Goniometer()) == pytest.approx(expected, rel=0.15)
    assert rises(Goniometer(waves_per_turn=(7.0, 20.0))) == pytest.approx(expected, rel=0.15)


def test_without_faults_focus_is_as_it_was_measured() -> None:
    """What is left is the column's (15 nm of what all focusing shares, 25 nm of the lens' step) and the noise."""
    names = ("axis_offset_m", "wobble_m", "runout_m_per_rad", "alpha_height_m", "drift_m_per_s")
    still = Goniometer(StageMagnitudes().model_copy(update=dict.fromkeys(names, 0.0)))
    errors = [e for seed in range(5) for e in taken(Asked("still", still), seed).at_feature_m]
    assert np.sqrt(np.mean(np.square(errors))) < 60e-9


def test_default_goniometers_are_judged_by_share_and_by_what_is_stated() -> None:
    good = Taken((50e-9,) * 31, (50e-9,) * 31, (50e-9,) * 31, (0.0,) * 31, 11)
    off = replace(good, at_feature_m=(120e-9,) * 31)
    (met,), (missed,) = (list(rows(DEFAULT, [good] * 20 + [off] * n)) for n in (1, 2))
    assert (met.outcome, missed.outcome) == (Outcome.MET, Outcome.MISSED)
    (lied,) = rows(DEFAULT, [replace(good, sigma_m=(10e-9,) * 31)] * 20)
    assert lied.outcome is Outcome.MISSED
    (other,) = rows(replace(DEFAULT, focus_within_m=120e-9), [off])
    assert other.outcome is Outcome.SHOWN
