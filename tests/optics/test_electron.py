"""The electron's constants against printed tables."""

import pytest

from eucentric.errors import InputError
from eucentric.optics.electron import interaction_rad_per_vm, wavelength_m

# Half a unit of the last printed digit.
_PRINTED_PM = 0.00005
_PRINTED_SIGMA = 0.005e6


@pytest.mark.parametrize(("kilovolt", "picometre"), [(100, 3.7014), (200, 2.5079), (300, 1.9687)])
def test_wavelength_is_that_of_the_books(kilovolt: float, picometre: float) -> None:
    assert wavelength_m(kilovolt * 1e3) * 1e12 == pytest.approx(picometre, abs=_PRINTED_PM)


# Kirkland (2010): 0.924, 0.729, 0.653 rad/(kV·Å).
@pytest.mark.parametrize(("kilovolt", "sigma"), [(100, 9.24e6), (200, 7.29e6), (300, 6.53e6)])
def test_interaction_constant_is_that_of_the_books(kilovolt: float, sigma: float) -> None:
    assert interaction_rad_per_vm(kilovolt * 1e3) == pytest.approx(sigma, abs=_PRINTED_SIGMA)


@pytest.mark.parametrize("volt", [200, 0, -2e5, 2e8, float("nan")])
def test_a_tension_that_no_microscope_has_is_refused(volt: float) -> None:
    with pytest.raises(InputError, match="high tension"):
        wavelength_m(volt)
