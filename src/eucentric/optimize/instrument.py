"""An instrument as the planner knows it: a TOML file of its optics, camera, magnifications, stage, times and errors.

What no field says is the default, a common field-emission instrument. Lengths are those at the specimen.
"""

from __future__ import annotations

import math
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError, SettingsError
from eucentric.focus.fields import Angle, Dose, Length, Seconds, Settings, Speed
from eucentric.focus.measurement import offset_sigma_m
from eucentric.focus.settings_error import settings_error
from eucentric.optics.column import Column
from eucentric.optics.detector import Detector
from eucentric.optimize.specimen import Specimen
from eucentric.units import parse

SHIPPED = ("200kv-side-entry", "300kv-autoloader", "300kv-cs-corrected")
"""The instruments that come along."""


AXIS_ROOM_RAD = 2e-3
"""How far the coma-free axis may be from the zero of the tilt coils."""
SMALLEST_TILT_RAD = 0.5e-3
"""Below it no image is tilted by plans of their own accord."""
SETTLED = 3e-4
"""What of a tilt is missing however long one waits: nothing comes back better."""


def _volts(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 1e4:
        raise ValueError(f'{value:g} without a unit is in volts. Write for example voltage = "200 kV".')
    return parse(value, "V") if isinstance(value, str) else value


Volts = Annotated[float, BeforeValidator(_volts)]


class Lens(Settings):
    """The column."""

    voltage: Volts = Field(default=200e3, ge=20e3, le=1.5e6)
    """High tension ("200 kV")."""
    cs_m: Length = Field(default=2.7e-3, ge=-50e-3, le=50e-3)
    """Spherical aberration, C3."""
    aperture_rad: Angle | None = Field(default=25e-3, gt=0, le=0.2)
    """Objective aperture's semi-angle; it limits the tilt as well."""
    tilt_max_rad: Angle = Field(default=20e-3, gt=0, le=0.1)
    """Largest beam tilt, from the coils' zero: images are tilted by 2 mrad less, for the axis may be off."""
    focal_spread_m: Length = Field(default=4e-9, ge=0, le=1e-6)
    """rms."""
    convergence_rad: Angle = Field(default=0.05e-3, ge=0, le=10e-3)
    """Illumination semi-angle at the highest magnification; at others it goes with their field."""
    pivot_m: Length = Field(default=20e-9, ge=0, le=10e-6)
    """How far the lit area moves for each mrad of tilt."""
    hysteresis: float = Field(default=0.01, ge=0, le=0.2)
    """What part of a lens excursion stays behind."""
    hysteresis_magnification_m: Length = Field(default=25e-9, ge=0, le=10e-6)
    """Focus error that a change of magnification by a factor of e leaves; five such factors saturate it."""
    far: float = Field(default=1.0, ge=0, le=100)
    """How fast tilts change with the lens, in units of 1 %, 1° and 0.3 mrad for each 100 µm."""


class Camera(Settings):
    """The camera."""

    size: int = Field(default=4096, ge=64, le=65536)
    """Side, pixels."""
    binnings: tuple[int, ...] = (1, 2, 4, 8)
    """What it can be binned by."""
    dqe: float = Field(default=0.8, gt=0, le=1)
    """At low frequencies."""
    mtf: float = Field(default=0.3, gt=0, le=1)
    """MTF at the Nyquist frequency."""
    gain_residual: float = Field(default=0.007, ge=0, le=0.5)
    """rms of what gain correction leaves in a pixel, the same in every image."""
    dark_residual_e: float = Field(default=0.12, ge=0, le=100)
    """rms of what dark subtraction leaves in a pixel, the same in every image, in electrons of the beam."""
    noise_e: float = Field(default=0.4, ge=0, le=100)
    """Read noise of a pixel, in electrons of the beam (rms)."""


class Magnification(Settings):
    """One magnification, and how it is lit."""

    name: str = Field(min_length=1)
    """The preset that has it: sequences name it."""
    pixel_m: Length = Field(gt=0, le=1e-6)
    """Of the camera's pixel, not binned."""
    beam_m: Length = Field(gt=0, le=5e-3)
    """Diameter of the lit area."""
    dose_per_m2: Dose = Field(ge=1e15, le=1e24)
    """What one exposure puts on the specimen."""
    exposure_s: Seconds = Field(default=0.5, gt=0, le=600)
    """Exposure time."""


class Holder(Settings):
    """The stage."""

    z_scale: float = Field(default=0.005, ge=0, le=0.2)
    """Relative error of a Z move, 1 σ."""
    arrival_m: Length = Field(default=20e-9, ge=0, le=10e-6)
    """How well Z comes back to the same reading from the same side, 1 σ."""
    backlash_m: Length = Field(default=0.2e-6, ge=0, le=20e-6)
    """How far Z is off where it comes from the other side: plans let it come from below, from farther than that."""
    z_max_m: Length = Field(default=1e-3, gt=0, le=5e-3)
    """Largest |Z|."""
    drift_m_per_s: Speed = Field(default=0.2e-9, ge=0, le=1e-6)
    """Drift between exposures, 1 σ, per component."""
    settle_s: Seconds = Field(default=5.0, ge=0, le=600)
    """Wait after a Z move."""


class Times(Settings):
    """How long things take."""

    readout_s: Seconds = Field(default=0.5, ge=0, le=60)
    tilt_s: Seconds = Field(default=0.25, ge=0, le=60)
    """Wait after each beam tilt, beyond what the instrument waits by itself: plans write it into their sequence."""
    tilt_settling_s: Seconds = Field(default=0.04, ge=0, le=10)
    """Time constant with which the beam follows its coils."""
    defocus_s: Seconds = Field(default=0.1, ge=0, le=60)
    preset_s: Seconds = Field(default=1.0, ge=0, le=60)
    """A change of magnification."""
    stage_s: Seconds = Field(default=2.0, ge=0, le=60)
    """A stage move without its settling."""

    @property
    def told_tilt_s(self) -> float:
        """What a sequence is told to wait after each beam tilt: it takes no longer times."""
        return min(self.tilt_s, 10.0)


class Errors(Settings):
    """What calibration leaves over (1 σ)."""

    tilt_scale: float = Field(default=0.002, ge=0, le=0.2)
    """Relative, of the tilt in pixels of the image."""
    tilt_rotation_rad: Angle = Field(default=2.5e-3, ge=0, le=0.5)
    tilt_cubic: float = Field(default=0.0, ge=0, le=1e4)
    """Of the coils' cubic term, 1/rad²: at a tilt t the size of tilts is off by this times t², relative."""
    axis_rad: Angle = Field(default=0.05e-3, ge=0, le=10e-3)
    """Of the coma-free axis, per component."""
    a1_m: Length = Field(default=15e-9, ge=0, le=1e-6)
    """Astigmatism that is left, per component."""
    focus_scale: float = Field(default=0.01, ge=0, le=0.2)
    """Relative, of lens steps."""
    cs: float = Field(default=0.01, ge=0, le=0.5)
    """Relative, of Cs against the metre that defocus is told in."""
    first_motion_m: Length = Field(default=3e-9, ge=0, le=1e-6)
    """How far a place moves after it is first exposed, in all; it decays with time."""
    parfocal_m: Length = Field(default=0.1e-6, ge=0, le=50e-6)
    """How far presets of different magnification are from the same focus, as it is calibrated."""


class Instrument(Settings):
    """A whole instrument."""

    name: str = Field(min_length=1)
    lens: Lens = Lens()
    camera: Camera = Camera()
    magnifications: tuple[Magnification, ...] = Field(min_length=1)
    stage: Holder = Holder()
    times: Times = Times()
    errors: Errors = Errors()
    specimen: Specimen = Specimen()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        aperture = self.lens.aperture_rad
        if aperture is not None and self.lens.tilt_max_rad >= aperture:
            raise ValueError(
                f"tilt max ({self.lens.tilt_max_rad * 1e3:g} mrad) is not below the aperture "
                f"({aperture * 1e3:g} mrad): the beam itself would be stopped. Give a smaller tilt max."
            )
        if self.tilt_most_rad < SMALLEST_TILT_RAD:
            raise ValueError(
                f"tilt max ({self.lens.tilt_max_rad * 1e3:g} mrad) counts from the coils' own zero, and the coma-free "
                f"axis may be {AXIS_ROOM_RAD * 1e3:g} mrad away: no tilt is left. Give "
                f"{(AXIS_ROOM_RAD + SMALLEST_TILT_RAD) * 1e3:g} mrad or more."
            )
        names = [m.name for m in self.magnifications]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two magnifications are called '{twice}'. Give each a name of its own.")
        return self

    @property
    def tilt_most_rad(self) -> float:
        """Largest tilt of an image, from the coma-free axis."""
        return self.lens.tilt_max_rad - AXIS_ROOM_RAD

    def with_values(self, *, voltage: float | None, cs_m: float | None, camera_px: int | None) -> Instrument:
        """The same with some values replaced, those that are given. Raises SettingsError for what can't be."""
        lens = {"voltage": voltage, "cs_m": cs_m}
        body = self.model_dump()
        body["lens"] |= {name: value for name, value in lens.items() if value is not None}
        body["camera"] |= {} if camera_px is None else {"size": camera_px}
        try:
            return Instrument.model_validate(body)
        except ValidationError as error:
            raise settings_error(error, Instrument, source="the options") from error

    def column(self, magnification: Magnification) -> Column:
        """The optics at a magnification; its light is as much more parallel as its field is larger."""
        smallest = min(m.beam_m for m in self.magnifications)
        return Column(
            voltage_v=self.lens.voltage,
            c3_m=self.lens.cs_m,
            convergence_rad=self.lens.convergence_rad * smallest / magnification.beam_m,
            focal_spread_m=self.lens.focal_spread_m,
            aperture_rad=self.lens.aperture_rad,
        )

    def detector(self, binning: int) -> Detector:
        """The camera at a binning."""
        camera = self.camera
        return Detector(
            dqe_zero=camera.dqe,
            mtf_nyquist=camera.mtf,
            ntf_nyquist=camera.mtf,
            binning=binning,
            read_noise_e=camera.noise_e,
        )

    @property
    def lens_sigma(self) -> float:
        """1σ of a move of the lens, as a part of it: its scale, and what stays behind beside its mean."""
        return offset_sigma_m(1.0, self.errors.focus_scale, left_behind=self.lens.hysteresis)

    @property
    def uncertainty(self) -> Uncertainty:
        """What calibration leaves over, as focusing takes it."""
        errors, times = self.errors, self.times
        missing = math.exp(-times.tilt_s / times.tilt_settling_s) if times.tilt_settling_s else 0.0
        return Uncertainty(
            tilt_scale=errors.tilt_scale,
            tilt_rotation_rad=errors.tilt_rotation_rad,
            tilt_shear=math.hypot(errors.tilt_scale, errors.tilt_rotation_rad) / math.sqrt(2),
            tilt_settling=math.hypot(SETTLED, missing),
            tilt_cubic_per_rad2=errors.tilt_cubic,
            axis_rad=errors.axis_rad,
            c3_relative=errors.cs,
            a1_m=errors.a1_m,
            focus_scale=errors.focus_scale,
            focus_hysteresis=self.lens.hysteresis,
            drift_m_per_s=self.stage.drift_m_per_s,
            first_motion_m=errors.first_motion_m / 2**0.5,
            height_scale=self.stage.z_scale,
            z_arrival_m=self.stage.arrival_m,
        )


def instrument_of(name: str) -> Instrument:
    """The instrument in the file of that name, else the one shipped under it. Raises InputError, SettingsError."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return read_instrument(path)
    return _parsed(shipped_text(name), f"instrument {name}")


def shipped_text(name: str) -> str:
    """The file of an instrument that comes along, with its comments. Raises SettingsError for an unknown name."""
    if name not in SHIPPED:
        raise SettingsError(f"No instrument is called '{name}'. There are: {', '.join(SHIPPED)}; or give a TOML file.")
    file = resources.files("eucentric.optimize") / "instruments" / f"{name}.toml"
    return file.read_text(encoding="utf-8")


def read_instrument(path: Path) -> Instrument:
    """The instrument in a file. Raises InputError when it can't be read, SettingsError for what stands in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise InputError(f"The instrument in {path} can't be read: {why}. Give a TOML file.") from error
    return _parsed(text, str(path))


def _parsed(text: str, source: str) -> Instrument:
    try:
        return Instrument.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source} is no TOML: {error}.") from error
    except ValidationError as error:
        raise settings_error(error, Instrument, source=source) from error
