"""The electron: wavelength, interaction constant.

Constants are CODATA values as SciPy ships them.
"""

from __future__ import annotations

import math

from scipy import constants

from eucentric.errors import InputError

_REST_ENERGY_EV: float = constants.m_e * constants.c**2 / constants.e


def wavelength_m(voltage_v: float) -> float:
    """Relativistic electron wavelength in metres at the accelerating voltage in volts.

    λ = h / sqrt(2 m e V (1 + eV / 2mc²)): 2.5079 pm at 200 kV, 1.9687 pm at 300 kV.
    Raises InputError outside 1 kV to 10 MV. Reimer & Kohl, Transmission Electron Microscopy, 5th ed. (2008).
    """
    if not 1e3 <= voltage_v <= 1e7:
        raise InputError(
            f"A high tension of {voltage_v:g} V is not one of an electron microscope (1 kV to 10 MV). "
            "Give it in kV where the option says kV: 200 or 300."
        )
    momentum2 = 2 * constants.m_e * constants.e * voltage_v * (1 + voltage_v / (2 * _REST_ENERGY_EV))
    return float(constants.h / math.sqrt(momentum2))


def interaction_rad_per_vm(voltage_v: float) -> float:
    """σ in radians per volt-metre: phase of the wave per projected potential.

    σ = 2π m_rel e λ / h²: 7.29e6 rad/(V·m) at 200 kV.
    Kirkland, Advanced Computing in Electron Microscopy, 2nd ed. (2010).
    """
    relativistic_mass = constants.m_e * (1 + voltage_v / _REST_ENERGY_EV)
    return float(2 * math.pi * relativistic_mass * constants.e * wavelength_m(voltage_v) / constants.h**2)
