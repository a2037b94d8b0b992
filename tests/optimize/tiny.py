"""An instrument with a camera of 512 pixels: plans of some seconds, trials of less than one."""

from __future__ import annotations

import functools

from eucentric.optimize.instrument import Instrument, instrument_of
from eucentric.optimize.planning.asked import Asked
from eucentric.optimize.planning.plan import Plan, plan

ASKED = Asked(10e-6, 1e-6, tilt_max_rad=14e-3)
OPTIONS = ("--start-um", "10", "--accuracy-um", "1", "--tilt-max-mrad", "14", "--camera", "512")
"""The same to the commands."""


@functools.cache
def tiny() -> Instrument:
    """The instrument."""
    return instrument_of("200kv-side-entry").with_values(voltage=None, cs_m=None, camera_px=512)


@functools.cache
def tiny_plan() -> Plan:
    """Its plan from 10 µm to 1 µm."""
    return plan(tiny(), ASKED)
