"""The column: what its knobs are set to, and what the beam and the lens then really do.

Directions and displacements are complex, x + iy. The column's own axes turn into image axes by each preset's rotation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eucentric.microscope.protocol import Preset
from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import ColumnMagnitudes
from eucentric.optics.aberrations import Aberrations

FIRST_PRESETS = 4  # they share one stream of random numbers


@dataclass(frozen=True, slots=True)
class Optics:
    """What the electrons see in one exposure, image axes, directions counted from the coma-free axis. SI.

    `lens.c1_m` is the lens' part alone; the specimen's height comes on top. `displacement_m` moves the image beyond
    ∇W; `lit_centre_m` is the middle of the lit area in the image.
    """

    voltage_v: float
    lens: Aberrations
    tilt: complex
    convergence_rad: float
    focal_spread_m: float
    aperture_rad: float | None
    aperture_centre: complex
    displacement_m: complex
    lit_centre_m: complex
    lit_radius_m: float
    gradient: complex
    pixel_m: float
    rotation_rad: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """The column's errors, drawn once; column axes."""

    coil: complex  # scale and rotation of the tilt coils
    coma_free: complex
    rotation_centre: complex
    pivot: complex
    aperture: complex
    a1: complex
    focus_scale: float
    far_rotation_sign: float
    far_axis: complex
    far_shift: complex
    gradient: complex
    parfocal_m: dict[str, float]
    rotation_rad: dict[str, float]
    pixel_m: dict[str, float]


class Column:
    """High tension, objective lens, stigmator, tilt coils, objective aperture and illumination."""

    def __init__(self, magnitudes: ColumnMagnitudes, presets: tuple[Preset, ...], clock: Clock, seed: int) -> None:
        self.m = magnitudes
        self._clock = clock
        self.drawn = _draw(magnitudes, presets, seed)
        self._presets = {p.name: p for p in presets}
        self.preset = presets[0]
        self.defocus_m = 0.0  # absolute: what the lens is set to
        self.zero_m = 0.0  # the setting that is called defocus 0
        self.image_shift = 0j
        self.stigmator = 0j
        self.tilt = 0j
        self._tilt_before = 0j
        self._tilt_set_s = -1e9
        self._remanence_m = 0.0

    def set_tilt(self, tilt: complex) -> None:
        """Set the coils; the beam follows with the coils' time constant, and the call waits as adapters do."""
        self._tilt_before = self._tilt_now()
        self.tilt, self._tilt_set_s = tilt, self._clock.now_s()
        self._clock.wait(self.m.tilt_wait_s)

    def set_defocus(self, defocus_m: float) -> None:
        """Set the lens. A fraction of every excursion stays behind, saturating: it arrives elsewhere from each side."""
        m = self.m
        self._lag((defocus_m - self.defocus_m) / m.hysteresis_range_m, m.hysteresis * m.hysteresis_range_m)
        self.defocus_m = defocus_m

    def normalize(self) -> None:
        """Run the lens through its cycle: what excursions left behind is gone, the setting stays."""
        self._remanence_m = 0.0

    def set_preset(self, name: str) -> None:
        """Change magnification: hysteresis leaves a focus error that grows with the ratio. The defocus stays as set.

        It saturates, so going back does not take it away: the error depends on the way that led here.
        """
        m, preset = self.m, self._presets[name]
        e_folds = float(np.log(preset.magnification / self.preset.magnification))
        # The focus error is positive after a change upwards, negative after one downwards.
        range_e_folds = m.hysteresis_magnification_e_folds
        self._lag(-e_folds / range_e_folds, m.hysteresis_magnification_m * range_e_folds)
        self.preset = preset

    def define(self, preset: Preset, like: str) -> None:
        """Add a preset with the magnification of `like`, and what was drawn for it; pixels are binned differently."""
        drawn, binned = self.drawn, preset.binning / self._presets[like].binning
        self.drawn = replace(
            drawn,
            parfocal_m={**drawn.parfocal_m, preset.name: drawn.parfocal_m[like]},
            rotation_rad={**drawn.rotation_rad, preset.name: drawn.rotation_rad[like]},
            pixel_m={**drawn.pixel_m, preset.name: drawn.pixel_m[like] * binned},
        )
        self._presets[preset.name] = preset
        if self.preset.name == preset.name:
            self.preset = preset

    def lens_c1_m(self) -> float:
        """The lens' true defocus at eucentric height, C1_lens."""
        parfocal = self.drawn.parfocal_m[self.preset.name]
        return (1 + self.drawn.focus_scale) * self.defocus_m + parfocal + self._remanence_m

    def rotation_rad(self, preset: str) -> float:
        """Image rotation of a preset, from the stage's and column's axes."""
        return self.drawn.rotation_rad[preset]

    def pixel_m(self, preset: str) -> float:
        """True pixel size of a preset."""
        return self.drawn.pixel_m[preset]

    def coil(self, excursion_m: float = 0.0) -> complex:
        """True tilt per instrument tilt (scale and rotation) at a lens excursion from eucentric focus."""
        scale = 1 + self.m.far_tilt_scale_per_m * excursion_m
        turn = self.drawn.far_rotation_sign * self.m.far_rotation_rad_per_m * excursion_m
        return complex(self.drawn.coil * scale * np.exp(1j * turn))

    def coma_free(self, excursion_m: float = 0.0) -> complex:
        """The coma-free axis as a true direction, counted from the beam at instrument tilt 0."""
        return self.drawn.coma_free + self.m.far_axis_rad_per_m * excursion_m * self.drawn.far_axis

    @property
    def aperture_centre(self) -> complex:
        """Centre of the objective aperture from the coma-free axis, column axes."""
        return self.drawn.aperture

    def optics(self, lit_radius_m: float, convergence_rad: float) -> Optics:
        """What the next exposure sees."""
        drawn, m = self.drawn, self.m
        turn = complex(np.exp(1j * drawn.rotation_rad[self.preset.name]))
        c1 = self.lens_c1_m()
        tilt = self.true_tilt(self._tilt_now(), c1)
        # The lens turns about the rotation centre, the tilts are symmetric about the coma-free axis.
        moved = c1 * (drawn.coma_free - drawn.rotation_centre)
        pivot = drawn.pivot * tilt + c1 * tilt + m.far_beam_shift_per_m * c1 * drawn.far_shift
        a1 = (drawn.a1 + m.stigmator_m * self.stigmator) * turn**2
        return Optics(
            voltage_v=m.voltage_v,
            lens=Aberrations(c1_m=c1, a1_m=(a1.real, a1.imag), c3_m=m.c3_m),
            tilt=tilt * turn,
            convergence_rad=convergence_rad,
            focal_spread_m=m.focal_spread_m,
            aperture_rad=m.aperture_rad,
            aperture_centre=drawn.aperture * turn,
            displacement_m=moved * turn,
            lit_centre_m=pivot * turn + complex(*reversed(self.preset.beam_shift_m)),
            lit_radius_m=lit_radius_m,
            gradient=drawn.gradient * turn,
            pixel_m=drawn.pixel_m[self.preset.name],
            rotation_rad=drawn.rotation_rad[self.preset.name],
        )

    def true_tilt(self, tilt: complex, excursion_m: float) -> complex:
        """True direction of the beam from the coma-free axis, column axes, of an instrument tilt."""
        coils = tilt * (1 + self.m.tilt_cubic * abs(tilt) ** 2)
        return self.coil(excursion_m) * coils - self.coma_free(excursion_m)

    def _tilt_now(self) -> complex:
        if self.m.tilt_settling_s == 0:
            return self.tilt
        left = np.exp(-(self._clock.now_s() - self._tilt_set_s) / self.m.tilt_settling_s)
        return complex(self.tilt + (self._tilt_before - self.tilt) * left)

    def _lag(self, change: float, saturated_m: float) -> None:
        """Move the remanence towards ∓`saturated_m` for a change up or down, e^(−|change|) of the way being left."""
        # The limit lies below when coming from below, above when coming from above: the lens lags behind.
        goal = -np.sign(change) * saturated_m
        self._remanence_m = float(goal + (self._remanence_m - goal) * np.exp(-abs(change)))


def _draw(m: ColumnMagnitudes, presets: tuple[Preset, ...], seed: int) -> Drawn:
    rng = np.random.default_rng((seed, 2))
    # Each preset beyond the first four draws from a stream of its own: adding one changes none of the others.
    of = {p.name: rng if k < FIRST_PRESETS else np.random.default_rng((seed, 2, k)) for k, p in enumerate(presets)}

    def vector(sigma: float) -> complex:
        return complex(*rng.normal(0, 1, 2)) * sigma

    def unit() -> complex:
        return complex(np.exp(1j * rng.uniform(0, 2 * np.pi)))

    coma_free = vector(m.coma_free_rad)
    return Drawn(
        coil=complex((1 + rng.normal() * m.tilt_scale) * np.exp(1j * rng.normal() * m.tilt_rotation_rad)),
        coma_free=coma_free,
        rotation_centre=coma_free + vector(m.rotation_centre_rad),
        pivot=m.pivot_m_per_rad * unit(),
        aperture=vector(m.aperture_centre_rad),
        a1=vector(m.a1_m),
        focus_scale=float(rng.normal() * m.focus_scale),
        far_rotation_sign=float(rng.choice([-1.0, 1.0])),
        far_axis=unit(),
        far_shift=unit(),
        gradient=m.illumination_gradient * unit(),
        parfocal_m={p.name: float(of[p.name].normal() * m.parfocal_m) for p in presets},
        rotation_rad={p.name: float(of[p.name].uniform(-1, 1) * m.image_rotation_rad) for p in presets},
        pixel_m={p.name: p.pixel_m * float(1 + of[p.name].normal() * m.pixel_scale) for p in presets},
    )
