"""Power spectra of specimens: units and scaling."""

import numpy as np
import pytest
from scipy import constants

from eucentric.errors import InputError
from eucentric.optics.electron import interaction_rad_per_vm
from eucentric.optics.object_spectrum import amorphous_carbon, spectrum_from_rings


def test_carbon_scatters_as_its_mean_inner_potential_per_atom_says() -> None:
    # One atom's projected potential integrates to h²f(0)/(2π m e); f(0) of carbon is 2.51 Å (Peng et al. 1996).
    volt_m3 = constants.h**2 / (2 * np.pi * constants.m_e * constants.e) * 2.509e-10
    atoms_per_m2 = 2000 / (12.011 * constants.atomic_mass) * 10e-9
    expected = atoms_per_m2 * (interaction_rad_per_vm(300e3) * volt_m3) ** 2
    found = amorphous_carbon(10e-9, 300e3).density(np.array([0.0]))[0]
    assert found == pytest.approx(expected, rel=1e-3)  # f(0) as printed: 2.509 ± 0.0005 → 4e-4 in power


def test_twice_the_film_scatters_twice_the_power_and_falls_with_frequency() -> None:
    q = np.linspace(0, 5e9, 20)
    thin, thick = amorphous_carbon(5e-9, 200e3), amorphous_carbon(10e-9, 200e3)
    assert thick.density(q) == pytest.approx(2 * thin.density(q))
    assert np.all(np.diff(thin.density(q)) < 0)
    assert (thin.thickness_m, thick.thickness_m) == (5e-9, 10e-9)


def test_rings_are_joined_by_lines_and_end_in_nothing() -> None:
    spectrum = spectrum_from_rings([1e9, 2e9], [4e-21, 2e-21], thickness_m=3e-9)
    values = spectrum.density(np.array([0.5e9, 1.5e9, 2.1e9]))
    assert values == pytest.approx([4e-21, 3e-21, 0.0])
    assert spectrum.thickness_m == 3e-9


@pytest.mark.parametrize(
    ("q", "power"), [([1.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [1.0, -1.0]), ([1.0], [1.0]), ([1.0, 2.0], [1.0])]
)
def test_a_table_that_is_none_is_refused(q: list[float], power: list[float]) -> None:
    with pytest.raises(InputError):
        spectrum_from_rings(q, power)
