"""What the measuring side believes of the imaging column: the constants that shape a tilted image's transfer."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.errors import InputError
from eucentric.optics.electron import wavelength_m


@dataclass(frozen=True, slots=True)
class Column:
    """Optical constants of a TEM, SI.

    `convergence_rad` is the illumination semi-angle α (1/e half width of its Gaussian), `focal_spread_m` the rms
    defocus spread Δ; the defaults are those of a field-emission gun in parallel illumination.
    `amplitude_contrast` is the fraction w of the contrast that absorption makes (sin of its phase).
    `aperture_rad` is the objective aperture's semi-angle (None: no aperture), `aperture_centre_rad` its centre (y, x).
    Raises InputError for values no column has.
    """

    voltage_v: float
    c3_m: float
    convergence_rad: float = 0.05e-3
    focal_spread_m: float = 4e-9
    amplitude_contrast: float = 0.07
    aperture_rad: float | None = None
    aperture_centre_rad: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        wavelength_m(self.voltage_v)
        if not -0.05 <= self.c3_m <= 0.05:
            raise InputError(f"Cs of {self.c3_m * 1e3:g} mm is beyond any lens (−50 to 50 mm). Give it in mm: 2.7.")
        if not 0 <= self.amplitude_contrast <= 1:
            raise InputError(f"Amplitude contrast {self.amplitude_contrast:g} is not a fraction (0 to 1).")

    @property
    def wavelength_m(self) -> float:
        """λ in metres."""
        return wavelength_m(self.voltage_v)
