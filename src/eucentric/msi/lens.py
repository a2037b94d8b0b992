"""Where the lens is believed to be in focus at a place, from what focus nodes found."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit


@dataclass(frozen=True, slots=True)
class Belief:
    """The lens' setting that is in focus at a place with the stage at `z_m`; its 1σ, None where nothing is known."""

    lens_m: float
    sigma_m: float | None
    z_m: float


def believed(shared: Shared, unit: Unit, preset: str) -> Belief:
    """What is believed at a unit's place."""
    first = shared.journal.noted.first
    assert first is not None
    found = [f for u, f in shared.found() if u.group == unit.group] or [f for _, f in shared.found()]
    own = shared.book.presets.get(preset)
    eucentric = own.eucentric_focus_m if own is not None else None
    if not found:
        return Belief(first.lens_m if eucentric is None else eucentric, None, first.z_m)
    near = max(found, key=lambda f: (f.preset == preset, -math.dist(f.place_m, unit.place_m)))
    grid, apart = shared.application.grid, math.dist(near.place_m, unit.place_m)
    sigma = math.hypot(near.total_sigma_m, grid.slope_rad * apart, grid.bend_m * min(1.0, apart / grid.bend_length_m))
    lens = near.lens_m - near.c1_m
    other = shared.book.presets.get(near.preset)
    if eucentric is not None and other is not None and other.eucentric_focus_m is not None:
        lens += eucentric - other.eucentric_focus_m
    return Belief(lens, sigma, near.z_m)
