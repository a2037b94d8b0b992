"""An instrument with a camera of 512 pixels and two magnifications: plans and trials of a second or two."""

from __future__ import annotations

import functools
import re
import tomllib

from eucentric.optimize.instrument import Instrument, shipped_text
from eucentric.optimize.planning import Asked, Plan, plan

ASKED = Asked(10e-6, 2e-6, tilt_max_rad=14e-3)
OPTIONS = ("--start-um", "10", "--accuracy-um", "2", "--tilt-max-mrad", "14")
"""The same to the commands."""


@functools.cache
def tiny_text() -> str:
    """Its file: the one that comes along, its pixels as much larger as there are fewer of them."""
    text = shipped_text("200kv-side-entry").replace("size = 4096", "size = 512").replace("mtf = 0.3 ", "mtf = 0.95 ")
    head, *blocks = re.split(r"(?=^\[\[magnifications\]\]|^\[stage\])", text, flags=re.MULTILINE)
    kept = [block for block in blocks if 'name = "f' not in block]
    return re.sub(
        r'pixel = "([0-9.]+) nm"', lambda found: f'pixel = "{8 * float(found.group(1)):g} nm"', "".join((head, *kept))
    )


@functools.cache
def tiny() -> Instrument:
    """The instrument."""
    return Instrument.model_validate(tomllib.loads(tiny_text()))


@functools.cache
def tiny_plan() -> Plan:
    """Its plan from 10 µm to 2 µm."""
    return plan(tiny(), ASKED)
