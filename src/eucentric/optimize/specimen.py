"""What is focused on: a holey film, how it scatters, and what its being tilted and wavy puts on a measured focus. Pure.

A film at an angle s (dh/dx) shows another defocus at each end of the field. Both images of a pair at ±β have the same
part of it in common, whose middle stays on the optical axis whatever the defocus: they move by opposite ways. (With the
axis in one of them, as in a pair at 0 and t, that middle would move by half the displacement, and C1 by s times that.)
So a film that is alike all over is measured at the axis. A holey one is measured where there is film: at its centroid p
in the field, and C1 is off by s·p.

With holes on a square lattice of pitch P, anywhere under a square field of side L, the centroid's 1σ per component is

    √(Σ_G |f_G|² X_G² S_G²) / (L² c),   f_G = −2πr J₁(Gr)/(G P²),   X = 2 sin(G_x L/2)/G_x² − L cos(G_x L/2)/G_x,
    S = 2 sin(G_y L/2)/G_y

over the lattice's reciprocal vectors G; r the holes' radius, c what the film covers, πr² = (1 − c)P².
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import j1

from eucentric.focus.fields import Angle, Length, Settings
from eucentric.optics.electron import interaction_rad_per_vm
from eucentric.optics.object_spectrum import ObjectSpectrum, amorphous_carbon

_CARBON_V = 9.0  # mean inner potential of amorphous carbon
_FINEST_M, _COARSEST_M = 10e-9, 1e-6
_SQUARE_M = 85e-6  # the film's waves are as long as a grid square, of 300 mesh
_OF_LARGEST = 0.7 * math.sqrt(2 / 3)  # rms of a tilt whose two components are anywhere within ±0.7 of the largest
_ORDERS = 40  # of the lattice: what is left out is below 1e-3


class Specimen(Settings):
    """What is focused on."""

    thickness_m: Length = Field(default=20e-9, gt=0, le=1e-6)
    """Of carbon that scatters alike."""
    roughness: float = Field(default=0.03, ge=0, le=1)
    """rms of the relative thickness between 10 nm and 1 µm: what low magnifications see."""

    covered: float = Field(default=0.65, gt=0, le=1)
    """What part of an image the film covers; holes, empty or with ice, show less."""
    pitch_m: Length = Field(default=3e-6, gt=0, le=1e-3)
    """Distance of the holes of a regular film; where images show more than one, they can be taken for another."""
    tilt_rad: Angle = Field(default=17e-3, ge=0, le=0.5)
    """Largest tilt of the film against the stage ("1 deg"): either component is anywhere within ±0.7 of it."""
    bend_m: Length = Field(default=1.5e-6, ge=0, le=100e-6)
    """Height of the film's waves across a grid square."""

    @property
    def slope(self) -> float:
        """rms of how steep the film is, metres per metre: its tilt, and the waves at a place anywhere in them."""
        return math.hypot(_OF_LARGEST * math.tan(self.tilt_rad), math.pi * self.bend_m / _SQUARE_M)

    def tilt_sigma_m(self, field_m: float) -> float:
        """1σ of C1 in an image of this side, metres, from the film's slope: seen is where film is, not the axis."""
        return self.slope * centroid_sigma_m(self.pitch_m, self.covered, field_m)

    def bend_sigma_m(self, field_m: float) -> float:
        """1σ of how far the mean height of a wavy film in a field of this side is from that in its middle, metres.

        A wave b/2·sin(kx + φ) has there the mean sin(kL/2)/(kL/2) of what it has in the middle; there are two, along x
        and y, and φ is anything.
        """
        return 0.5 * self.bend_m * (1 - float(np.sinc(field_m / _SQUARE_M)))

    def spectrum(self, voltage_v: float) -> ObjectSpectrum:
        """How it scatters: atoms at random, and a thickness that varies alike on all scales from 10 nm to 1 µm."""
        atoms = amorphous_carbon(self.thickness_m, voltage_v)
        phase = self.roughness * interaction_rad_per_vm(voltage_v) * _CARBON_V * self.thickness_m
        low, high = 1 / _COARSEST_M, 1 / _FINEST_M
        per_octave = phase**2 / (2 * math.pi * math.log(high / low))

        def density(q_per_m: NDArray[np.float64]) -> NDArray[np.float64]:
            q = np.asarray(q_per_m, dtype=np.float64)
            rough = per_octave / np.maximum(q, low) ** 2 * (q < high)
            return np.asarray(self.covered * (atoms.density(q) + rough))

        return ObjectSpectrum(density, self.thickness_m)


@functools.lru_cache(maxsize=1024)
def centroid_sigma_m(pitch_m: float, covered: float, field_m: float) -> float:
    """1σ per component of where the film's centroid lies in a field of this side that is put anywhere on it, metres."""
    radius = pitch_m * math.sqrt((1 - covered) / math.pi)
    column, row = np.meshgrid(np.arange(1, _ORDERS + 1), np.arange(-_ORDERS, _ORDERS + 1))
    g_x, g_y = 2 * np.pi * column / pitch_m, 2 * np.pi * row / pitch_m
    g = np.hypot(g_x, g_y)
    film = 2 * np.pi * radius * j1(g * radius) / (g * pitch_m**2)
    moment = 2 * np.sin(g_x * field_m / 2) / g_x**2 - field_m * np.cos(g_x * field_m / 2) / g_x
    across = field_m * np.sinc(row * field_m / pitch_m)
    # G and −G are alike; without G_x there is no moment.
    return float(np.sqrt(2 * np.sum((film * moment * across) ** 2))) / (field_m**2 * covered)
