"""Where a feature of the specimen truly is in a view of the simulated microscope, and how high: followed over tilts.

A place p = (x, y) of the specimen, its film at z + H(p) over the stage, is seen at (along, across) the tilt axis from
the optical axis at

    along  = x − x₀ + s_x        across = a + s_y + (y − y₀ − a) cos α − (z + H) sin α

and lies h = (y − y₀ − a) sin α + (z + H) cos α + w high: docs/simulated-microscope.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.microscope.protocol import Microscope
from eucentric.microscope.simulated.microscope import SimulatedMicroscope


@dataclass(frozen=True, slots=True)
class FeatureSeen:
    """How far a feature lies from the middle of the view, and its true height above the eucentric plane; metres."""

    away_m: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Feature:
    """A place x + iy of the specimen, metres."""

    place_m: complex

    @classmethod
    def in_the_middle(cls, microscope: Microscope) -> Feature:
        """What the middle of the present view shows."""
        simulated = _inside(microscope)
        return cls(simulated.view().place_of(simulated.shift_px()))

    def seen(self, microscope: Microscope) -> FeatureSeen:
        """Where it is in the present view."""
        simulated = _inside(microscope)
        view = simulated.view()
        place, alpha, p = view.place, view.place.alpha_rad, self.place_m
        flat = place.z_m + float(view.specimen.height_m(np.array(p.imag), np.array(p.real)))
        off = p.imag - place.xy_m.imag - place.axis_m
        across = place.axis_m + off * math.cos(alpha) - flat * math.sin(alpha)
        at = complex(p.real - place.xy_m.real, across) + place.sideways_m
        middle = simulated.shift_px() * view.lattice.pixel_m * complex(np.exp(-1j * view.lattice.rotation_rad))
        return FeatureSeen(abs(at - middle), off * math.sin(alpha) + flat * math.cos(alpha) + place.rise_m)


def _inside(microscope: Microscope) -> SimulatedMicroscope:
    inner: object = microscope
    while not isinstance(inner, SimulatedMicroscope):
        inner = inner.inner  # type: ignore[attr-defined]
    return inner
