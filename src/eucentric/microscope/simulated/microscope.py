"""The simulated microscope: the protocol of a real one, on a simulated clock, deterministic for a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.images.frame import Frame, OpticalState
from eucentric.microscope.handed_out import HandedOut
from eucentric.microscope.protocol import Capabilities, Limits, Preset, StagePosition, Vector
from eucentric.microscope.simulated.camera import Camera
from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.column import Column, Optics
from eucentric.microscope.simulated.dose import Dosed, DoseMemory
from eucentric.microscope.simulated.exit_wave import ExitWaves, Lattice
from eucentric.microscope.simulated.imaging import Window, form_image, illumination
from eucentric.microscope.simulated.magnitudes import Magnitudes
from eucentric.microscope.simulated.modes import SIZE, Mode, mode_like, modes
from eucentric.microscope.simulated.reference import calibrate
from eucentric.microscope.simulated.scene import View
from eucentric.microscope.simulated.specimen import Specimen
from eucentric.microscope.simulated.stage import Stage

Float = NDArray[np.float32]
_EDGE = 0.04  # width of the beam's edge, of its radius


class SimulatedMicroscope:
    """A TEM with every fault of the magnitudes table. Implements `Microscope`; what is true only truth.py tells.

    `size` (ny, nx) is that of the images, in binned pixels.
    """

    def __init__(self, magnitudes: Magnitudes, *, seed: int = 0, size: tuple[int, int] = SIZE) -> None:
        self.magnitudes = magnitudes
        self._seed = seed
        states = modes(magnitudes, size)
        self._modes = {mode.preset.name: mode for mode in states}
        presets = tuple(mode.preset for mode in states)
        self._clock = Clock()
        self.column = Column(magnitudes.column, presets, self._clock, seed)
        self.goniometer = Stage(magnitudes.stage, self._clock, seed)
        self.specimen = Specimen(magnitudes.specimen, magnitudes.column.voltage_v, seed)
        self._waves = ExitWaves(self.specimen, magnitudes.column.amplitude_contrast, seed)
        self._camera = Camera(magnitudes.camera, seed)
        self._exposures = 0
        self._writes = np.random.default_rng((seed, 5))
        self._dosed = DoseMemory()
        self._handed_out = calibrate(self.column, states, magnitudes, self.name, seed)

    @property
    def name(self) -> str:
        """Name of the instrument."""
        return "simulated"

    @property
    def capabilities(self) -> Capabilities:
        """All parts."""
        return Capabilities(image_shift=True, defocus_zero=True, normalize=True, define_presets=True)

    @property
    def limits(self) -> Limits:
        """Those of the magnitudes' table."""
        return Limits(**self.magnitudes.limits.model_dump())

    @property
    def voltage_v(self) -> float:
        """High tension in volts."""
        return self.magnitudes.column.voltage_v

    @property
    def handed_out(self) -> HandedOut:
        """The calibration of this instrument, with drawn residual errors."""
        return self._handed_out

    def now_s(self) -> float:
        """The simulated clock."""
        return self._clock.now_s()

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        self._clock.wait(seconds)

    def presets(self) -> tuple[Preset, ...]:
        """All presets."""
        return tuple(mode.preset for mode in self._modes.values())

    def preset(self) -> Preset:
        """The present one."""
        return self.column.preset

    def set_preset(self, name: str) -> None:
        """Change magnification; the lens' defocus stays as set. Raises InputError for an unknown preset."""
        if name not in self._modes:
            raise InputError(f"This microscope has no preset '{name}'. Use one of: {', '.join(self._modes)}.")
        if self._written():
            self.column.set_preset(name)
            self._clock.wait(self.magnitudes.column.preset_wait_s)

    def define_preset(self, preset: Preset, like: str) -> None:
        """Add a preset with the optics of another. Raises InputError where it does not fit that, or is no new one."""
        there = self._modes.get(preset.name)
        if like not in self._modes or (there is not None and there.base is None):
            raise InputError(
                f"Preset '{preset.name}' can't be defined like '{like}'. This microscope's own, which stay as they "
                f"are, can be followed: {', '.join(name for name, mode in self._modes.items() if mode.base is None)}."
            )
        mode = mode_like(preset, self._modes[like])
        if self._written():
            self._modes[preset.name] = mode
            self.column.define(preset, like)

    def beam_tilt_rad(self) -> Vector:
        """The coils' setting (y, x)."""
        return _vector(self.column.tilt)

    def set_beam_tilt(self, tilt_rad: Vector) -> None:
        """Set the coils (y, x)."""
        if self._written():
            self.column.set_tilt(_complex(tilt_rad))

    def defocus_m(self) -> float:
        """The lens' setting, from defocus zero; positive overfocus."""
        return self.column.defocus_m - self.column.zero_m

    def set_defocus(self, defocus_m: float) -> None:
        """Set the lens, from defocus zero."""
        if self._written():
            self.column.set_defocus(defocus_m + self.column.zero_m)
            self._clock.wait(self.magnitudes.column.defocus_wait_s)

    def focus_m(self) -> float:
        """The lens' absolute setting; eucentric focus is near 0, but for what this column draws."""
        return self.column.defocus_m

    def reset_defocus(self) -> None:
        """The present lens setting becomes defocus 0."""
        if self._written():
            self.column.zero_m = self.column.defocus_m

    def normalize(self) -> None:
        """Take the lens' hysteresis away; settings stay."""
        if self._written():
            self.column.normalize()
            self._clock.wait(self.magnitudes.column.normalize_wait_s)

    def image_shift_m(self) -> Vector:
        """The image shift (y, x), on top of the preset's."""
        return _vector(self.column.image_shift)

    def set_image_shift(self, shift_m: Vector) -> None:
        """Show what lies (y, x) metres away, image axes, true lengths."""
        if self._written():
            self.column.image_shift = _complex(shift_m)
            self._clock.wait(self.magnitudes.column.image_shift_wait_s)

    def stigmator(self) -> Vector:
        """The stigmator's setting."""
        return _vector(self.column.stigmator)

    def set_stigmator(self, value: Vector) -> None:
        """Set the stigmator (y, x), each in ±1."""
        if self._written():
            self.column.stigmator = _complex(value)
            self._clock.wait(self.magnitudes.column.stigmator_wait_s)

    def stage(self) -> StagePosition:
        """What the encoders say."""
        return self.goniometer.read()

    def move_stage(
        self,
        *,
        x_m: float | None = None,
        y_m: float | None = None,
        z_m: float | None = None,
        alpha_rad: float | None = None,
    ) -> None:
        """Move the given axes."""
        asked = {"x_m": x_m, "y_m": y_m, "z_m": z_m, "alpha_rad": alpha_rad}
        if self._written():
            self.goniometer.move({axis: value for axis, value in asked.items() if value is not None})

    def acquire(self) -> Frame:
        """One image with the present preset, float32 counts. `state.tilt_rad` is left to who knows the calibration."""
        preset, m = self.column.preset, self.magnitudes
        rng = np.random.default_rng((self._seed, 6, self._exposures))
        begin_s, half = self._clock.now_s(), 0.5 * preset.exposure_s
        time_s = begin_s + half
        optics, view = self.optics(), self.view(half)
        shift_px = self.shift_px()
        seen = view.place_of(shift_px)
        dosed = self._dosed.at(seen, time_s)
        motion = self.specimen.first_motion(seen.imag, seen.real, Dosed(dosed.dose_per_m2, max(dosed.seconds, half)))
        electrons = self._intensity(optics, view, shift_px, motion.moved_m)
        electrons *= np.float32(preset.dose_e_per_m2 * optics.pixel_m**2)
        smear = (motion.velocity_m_per_s - view.place.velocity_m_per_s) * preset.exposure_s / optics.pixel_m
        smear *= complex(np.exp(1j * optics.rotation_rad))
        pixels = self._camera.expose(
            electrons, binning=preset.binning, exposure_s=preset.exposure_s, smear_px=smear, rng=rng
        )
        self._exposures += 1
        lit = view.place_of(shift_px + _complex(preset.beam_shift_m) / optics.pixel_m)
        self._dosed.add(lit, self._mode().lit_radius_m, preset.dose_e_per_m2, begin_s)
        self._clock.wait(preset.exposure_s + m.camera.readout_s)
        return Frame(
            pixels=pixels,
            pixel_m=preset.pixel_m,
            state=self._state(),
            time_s=time_s,
            exposure_s=preset.exposure_s,
            dose_e_per_m2=preset.dose_e_per_m2,
            saturation=m.camera.saturation_counts,
            name=f"{preset.name}{self._exposures:04d}",
        )

    def _intensity(self, optics: Optics, view: View, shift_px: complex, motion_m: complex) -> Float:
        """Relative intensity (ny, nx); `shift_px` is the image shift, `motion_m` the specimen's beam-induced motion."""
        size = self.column.preset.size
        # The image moves by `moved` against the lattice; ∇W comes on top, in form_image.
        moved = optics.displacement_m / optics.pixel_m - view.lattice.point(view.place_of(shift_px) - motion_m)
        height = view.centre_height_m(optics, shift_px)
        window = Window.of(optics, optics.lens.c1_m + height, size, slope=float(np.tan(view.place.alpha_rad)))
        whole = complex(round(moved.real), round(moved.imag))
        centre = -(whole + window.whole_px)
        corner = centre - complex(size[1] // 2, size[0] // 2) - window.margin * (1 + 1j)
        origin = (round(corner.imag), round(corner.real))
        field = self._waves.cut(view.lattice, origin, (size[0] + 2 * window.margin, size[1] + 2 * window.margin))
        image = form_image(field, optics, view.heights(centre, size), moved - whole, window)
        image *= illumination(optics, size, _EDGE * optics.lit_radius_m)
        return image

    def _mode(self) -> Mode:
        return self._modes[self.column.preset.name]

    def optics(self) -> Optics:
        """What the next exposure sees: for truth.py alone."""
        mode = self._mode()
        return self.column.optics(mode.lit_radius_m, mode.relative_convergence * self.magnitudes.column.convergence_rad)

    def shift_px(self) -> complex:
        """How far off the optical axis the middle of the image is, x + iy in pixels: for truth.py alone."""
        preset = self.column.preset
        return (_complex(preset.image_shift_m) + self.column.image_shift) / self.column.pixel_m(preset.name)

    def view(self, ahead_s: float = 0.0) -> View:
        """Where the specimen lies: for truth.py alone."""
        place = self.goniometer.place(ahead_s)
        name = self.column.preset.name
        rotation = self.column.rotation_rad(name)
        lattice = Lattice(self._mode().lattice, self.column.pixel_m(name), rotation, place.alpha_rad)
        return View(self.specimen, place, lattice)

    def _state(self) -> OpticalState:
        preset, stage = self.column.preset, self.goniometer.read()
        return OpticalState(
            voltage_v=self.voltage_v,
            preset=preset.name,
            magnification=preset.magnification,
            defocus_m=self.defocus_m(),
            stage_z_m=stage.z_m,
            stage_x_m=stage.x_m,
            stage_y_m=stage.y_m,
            stage_alpha_rad=stage.alpha_rad,
            focus_m=self.focus_m(),
            stigmator=self.stigmator(),
            image_shift_m=self.image_shift_m(),
        )

    def _written(self) -> bool:
        chance = self.magnitudes.dropped_writes
        return chance == 0 or float(self._writes.uniform()) >= chance


def _complex(vector: Vector) -> complex:
    return complex(vector[1], vector[0])


def _vector(value: complex) -> Vector:
    return (value.imag, value.real)
