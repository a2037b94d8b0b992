"""What tests of tilt patterns share: priors, conditions, and a comparison on an instrument."""

from __future__ import annotations

import functools
from dataclasses import replace

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.patterns import PatternName
from eucentric.optimize.instrument import Instrument, instrument_of
from eucentric.optimize.patterns.comparison import Compared, Comparison, compare, of_preset
from eucentric.optimize.patterns.design import Aim, Conditions, Noise
from eucentric.optimize.patterns.link import Apart, LinkSigma

C3_M = 2.7e-3
SHIFT_M = 3e-12
SIZES_RAD = (2e-3, 5e-3, 7e-3)
LARGEST_RAD = SIZES_RAD[-1]
# All known but what a test lets go.
EXACT = Uncertainty(
    tilt_scale=0.0,
    tilt_rotation_rad=0.0,
    axis_rad=0.0,
    a1_m=0.0,
    drift_m_per_s=0.0,
    drift_change_m_per_s2=0.0,
    first_motion_m=0.0,
    tilt_shear=0.0,
    c3_relative=0.0,
    tilt_settling=0.0,
)
DRIFTING = replace(EXACT, drift_m_per_s=100e-9)
"""A steady drift that is not known at all: 100 nm of shift from image to image, against noise of 3 pm."""
# Of an unknown with a prior u times its error, the prior takes 1/u² off the variance: C1 + A1 of 1 µm and < 1 nm.
FREE = 1e-4


def even(_c1_m: float, _apart: Apart) -> LinkSigma:
    return LinkSigma(SHIFT_M, SHIFT_M)


def conditions_for(aim: Aim, prior: Uncertainty = EXACT, noise: Noise = even) -> Conditions:
    return Conditions(
        aim=aim, c1_m=(-0.5e-6,), c3_m=C3_M, interval_s=1.0, prior=prior, noise=noise, angle_rad=LARGEST_RAD
    )


@functools.cache
def instrument() -> Instrument:
    return instrument_of("200kv-side-entry")


@functools.cache
def compared(aim: Aim) -> Comparison:
    """At the preset fa, 0.3 nm pixels, near focus."""
    return compare(instrument(), of_preset("fa", instrument()), aim, images=(6,), tilt_max_rad=10e-3)


def row(made: Comparison, name: PatternName | None) -> Compared:
    return next(one for one in made.patterns if one.name is name)
