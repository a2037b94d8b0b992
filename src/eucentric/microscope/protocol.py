"""What a microscope is, to everything above: a small synchronous protocol in SI units.

Every call blocks until the part has settled. Time is the microscope's own clock. After a set the caller may read back.
Beam tilt is given in radians *as the instrument believes them*; the tilt calibration turns them into true directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from eucentric.images.frame import Frame

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this instrument can do; absent parts are never called."""

    beam_tilt: bool = True
    stage_z: bool = True
    stage_alpha: bool = True
    stigmator: bool = True
    image_shift: bool = False
    defocus_zero: bool = False  # absolute focus can be read, and defocus zero reset
    normalize: bool = False
    define_presets: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits, checked before anything moves (guarded.py). Lengths in metres, tilts in radians."""

    tilt_max_rad: float = 20e-3
    defocus_max_m: float = 500e-6  # |focus|: the absolute lens setting, whatever defocus zero is
    image_shift_max_m: float = 20e-6
    stage_z_max_m: float = 400e-6
    stage_xy_max_m: float = 1.0e-3
    stage_alpha_max_rad: float = 1.2


@dataclass(frozen=True, slots=True)
class Preset:
    """A named imaging state.

    `pixel_m` is the nominal pixel size at the specimen of the *binned* image; `size` (ny, nx) of the binned image;
    `dose_e_per_m2` what one exposure puts on the specimen; `defocus_m` counted from defocus zero. `image_shift_m` and
    `beam_shift_m` (y, x), image axes: what is seen, and what of it is lit.
    """

    name: str
    magnification: float
    pixel_m: float
    size: tuple[int, int]
    binning: int
    exposure_s: float
    dose_e_per_m2: float
    defocus_m: float = 0.0
    image_shift_m: Vector = (0.0, 0.0)
    probe_mode: str = "micro"
    camera: str = "camera"
    beam_shift_m: Vector = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class StagePosition:
    """Stage position; metres and radians. z is positive towards the gun."""

    x_m: float
    y_m: float
    z_m: float
    alpha_rad: float


@runtime_checkable
class Microscope(Protocol):
    """A transmission electron microscope. All vectors (y, x); all calls may raise InstrumentError."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def voltage_v(self) -> float: ...

    def now_s(self) -> float:
        """The microscope's clock, seconds."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass on the microscope's clock. Raises InputError for a time below 0 or not finite."""
        ...

    def presets(self) -> tuple[Preset, ...]: ...
    def preset(self) -> Preset: ...
    def set_preset(self, name: str) -> None: ...
    def define_preset(self, preset: Preset, like: str) -> None:
        """Add a preset, or define one anew that was added so; magnification, probe mode, camera and illumination are
        those of the preset `like`, which with its calibrations holds for it.

        Its own are exposure, dose, size, binning (`pixel_m` scales with it), defocus and shifts. Nothing moves unless
        it is the present one. Raises InputError where it does not agree with `like`, or is one of the instrument's own.
        """
        ...

    def beam_tilt_rad(self) -> Vector: ...
    def set_beam_tilt(self, tilt_rad: Vector) -> None: ...
    def defocus_m(self) -> float: ...
    def set_defocus(self, defocus_m: float) -> None: ...
    def focus_m(self) -> float:
        """The absolute lens setting in metres of defocus, as eucentric focus is stored: defocus = focus − zero."""
        ...

    def reset_defocus(self) -> None:
        """Make the present lens setting defocus zero; the lens does not move."""
        ...

    def normalize(self) -> None:
        """Run the lenses through their cycle, so that each arrives as it always does; settings stay."""
        ...

    def image_shift_m(self) -> Vector: ...
    def set_image_shift(self, shift_m: Vector) -> None:
        """Show the specimen (y, x) metres away from the preset's centre, image axes, without moving the stage."""
        ...

    def stigmator(self) -> Vector: ...
    def set_stigmator(self, value: Vector) -> None: ...
    def stage(self) -> StagePosition: ...
    def move_stage(
        self,
        *,
        x_m: float | None = None,
        y_m: float | None = None,
        z_m: float | None = None,
        alpha_rad: float | None = None,
    ) -> None: ...

    def acquire(self) -> Frame:
        """Expose with the present preset: one Frame with its read-back state, clock time and dose.

        Each call exposes anew, after everything that was set before, into memory of its own: the guard refuses a buffer
        that is handed out twice, and an image whose time is not later than the last change or the last image.
        """
        ...
