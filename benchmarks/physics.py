"""What a lens does to a tilted wave, written for the benchmarks alone: nothing is taken from `eucentric.optics`.

Vectors are (y, x), metres and radians. Forward Fourier kernel exp(−2πi q·r); a wave exp(+2πi k·r) travels towards
+k while it goes down the column. The lens multiplies the spectrum by exp(−iχ). Going a distance L further down
multiplies it by exp(−iπλq²L), and an overfocused lens images a plane below the specimen: C1 > 0 is a positive L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import constants

Array = NDArray[Any]


def wavelength(voltage_v: float) -> float:
    """λ = hc / sqrt(E² + 2 E mc²) with E = eV: de Broglie's wave at relativistic momentum."""
    energy = constants.e * voltage_v
    rest = constants.m_e * constants.c**2
    return float(constants.h * constants.c / np.sqrt(energy**2 + 2 * energy * rest))


@dataclass(frozen=True, slots=True)
class Lens:
    """An imaging lens: metres, radians. `a1_m` = (cos, sin) component in (x, y) axes; `focal_spread_m` rms."""

    voltage_v: float
    c3_m: float
    c1_m: float
    a1_m: tuple[float, float] = (0.0, 0.0)
    convergence_rad: float = 0.05e-3
    focal_spread_m: float = 4e-9

    @property
    def wavelength_m(self) -> float:
        """λ in metres."""
        return wavelength(self.voltage_v)

    def path(self, ty: Array | float, tx: Array | float) -> Array:
        """W at the direction (ty, tx): the optical path difference, metres."""
        square = np.asarray(ty) ** 2 + np.asarray(tx) ** 2
        a, b = self.a1_m
        stig = a * (np.asarray(tx) ** 2 - np.asarray(ty) ** 2) / 2 + b * np.asarray(tx) * np.asarray(ty)
        return np.asarray(self.c1_m * square / 2 + stig + self.c3_m * square**2 / 4)

    def slope(self, ty: Array | float, tx: Array | float) -> tuple[Array, Array]:
        """∇W = (∂W/∂ty, ∂W/∂tx): where a ray of that direction lands, metres at the specimen."""
        y, x = np.asarray(ty), np.asarray(tx)
        a, b = self.a1_m
        radial = self.c1_m + self.c3_m * (y**2 + x**2)
        return radial * y - a * y + b * x, radial * x + a * x + b * y

    def sideband(self, qy: Array, qx: Array, tilt: tuple[float, float]) -> Array:
        """What multiplies the wave scattered by q when the beam has the tilt (y, x); 1 at q = 0.

        exp(−iχ(β + λq) + iχ(β)) with the damping by a source of finite size (Gaussian, 1/e at α) and by focal spread.
        """
        lam, (by, bx) = self.wavelength_m, tilt
        ty, tx = by + lam * qy, bx + lam * qx
        phase = 2 * np.pi / lam * (self.path(ty, tx) - self.path(by, bx))
        (sy, sx), (s0y, s0x) = self.slope(ty, tx), self.slope(by, bx)
        source = (np.pi * self.convergence_rad / lam) ** 2 * ((sy - s0y) ** 2 + (sx - s0x) ** 2)
        chromatic = 0.5 * (np.pi * self.focal_spread_m / lam * (ty**2 + tx**2 - by**2 - bx**2)) ** 2
        return np.asarray(np.exp(-1j * phase - source - chromatic))

    def pair_shift(self, first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
        """∇W(second) − ∇W(first) in metres (y, x): where the second image stands relative to the first."""
        (y1, x1), (y2, x2) = self.slope(*first), self.slope(*second)
        return float(y2 - y1), float(x2 - x1)
