"""What a pair of image files was taken with: options in the units of people, made SI; every mistake is a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eucentric.errors import InputError

if TYPE_CHECKING:
    from eucentric.images.frame import Frame
    from eucentric.optics.column import Column

_TILT_MAX_MRAD = 100.0
_STAGE_MAX_DEG = 79.0
_PIXEL_NM = (1e-3, 1e4)
_CONVERGENCE_MAX_MRAD = 20.0
_SPREAD_MAX_NM = 1e3

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Beam:
    """The tilt options as given, mrad and degrees; pairs are (X, Y)."""

    tilt: float | None
    angle_deg: float | None
    cross: float | None
    first: Pair | None
    second: Pair | None


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Illumination semi-angle and rms focal spread, SI; None where not given: those of a field-emission gun."""

    convergence_rad: float | None = None
    focal_spread_m: float | None = None

    def given(self) -> dict[str, float]:
        """Those that were given, by name."""
        both = {"convergence_rad": self.convergence_rad, "focal_spread_m": self.focal_spread_m}
        return {name: value for name, value in both.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Optics:
    """What the pair was taken with, SI; tilts (y, x); the stage's tilt and the direction of its axis."""

    pixel_m: float
    voltage_v: float
    c3_m: float
    tilts: tuple[Pair, Pair]
    stage: Pair | None = None
    envelopes: Envelopes = field(default_factory=Envelopes)

    def column(self) -> Column:
        """The column of this high tension, Cs and envelopes."""
        from eucentric.optics.column import Column

        column = Column(self.voltage_v, self.c3_m)
        if self.envelopes.convergence_rad is not None:
            column = replace(column, convergence_rad=self.envelopes.convergence_rad)
        if self.envelopes.focal_spread_m is not None:
            column = replace(column, focal_spread_m=self.envelopes.focal_spread_m)
        return column


def given_stage(tilt_deg: float | None, axis_deg: float | None) -> Pair | None:
    """The stage's tilt and the direction of its axis in radians, None for a stage that is not tilted."""
    if tilt_deg is None and axis_deg is None:
        return None
    if tilt_deg is None or axis_deg is None:
        raise InputError("A tilted stage has a tilt and an axis. Give both: --stage-tilt-deg 45 --tilt-axis-deg 90")
    if not abs(tilt_deg) <= _STAGE_MAX_DEG:
        raise InputError(f"A stage tilt of {tilt_deg:g}° is beyond any stage (±{_STAGE_MAX_DEG:g}°).")
    if not math.isfinite(axis_deg):
        raise InputError(f"A tilt axis of {axis_deg}° is no direction. Give it in degrees: 90")
    return (math.radians(tilt_deg), math.radians(axis_deg))


def given_envelopes(convergence_mrad: float | None, focal_spread_nm: float | None) -> Envelopes:
    """The envelopes in SI. Raises InputError for what no microscope has."""
    for option, value, most in (
        ("--convergence-mrad", convergence_mrad, _CONVERGENCE_MAX_MRAD),
        ("--focal-spread-nm", focal_spread_nm, _SPREAD_MAX_NM),
    ):
        if value is not None and not 0 <= value <= most:
            raise InputError(f"{option} {value:g} is beyond any microscope: 0 to {most:g}.")
    return Envelopes(
        None if convergence_mrad is None else convergence_mrad * 1e-3,
        None if focal_spread_nm is None else focal_spread_nm * 1e-9,
    )


def given_tilts(beam: Beam) -> tuple[Pair, Pair]:
    """Both tilts (y, x) in radians. Raises InputError for options that are missing, contradict, or can't be."""
    full = (beam.first, beam.second)
    if full == (None, None):
        if beam.tilt is None:
            raise InputError(
                "The beam tilt is not known. Give --tilt-mrad 5 for images at −5 and +5 mrad, or both tilts in full: "
                "--first-tilt-mrad X Y --second-tilt-mrad X Y"
            )
        if not math.isfinite(beam.angle_deg or 0.0):
            raise InputError(f"A tilt direction of {beam.angle_deg}° is no angle. Give it in degrees: 30")
        along = math.radians(beam.angle_deg or 0.0)
        signed = ((-beam.tilt, beam.cross or 0.0), (beam.tilt, beam.cross or 0.0))
        pairs = [_turned(along_mrad, across_mrad, along) for along_mrad, across_mrad in signed]
    else:
        if beam.first is None or beam.second is None:
            raise InputError("Only one tilt is given in full. Give both: --first-tilt-mrad X Y --second-tilt-mrad X Y")
        if (beam.tilt, beam.angle_deg, beam.cross) != (None, None, None):
            raise InputError(
                "The tilts are given twice. Give either --tilt-mrad (with --tilt-angle-deg and --cross-tilt-mrad), "
                "or --first-tilt-mrad and --second-tilt-mrad."
            )
        pairs = [beam.first, beam.second]
    for x, y in pairs:
        if not math.hypot(x, y) <= _TILT_MAX_MRAD:
            raise InputError(f"A beam tilt of ({x:g}, {y:g}) mrad is beyond any microscope. Give it in mrad: 5")
    if pairs[0] == pairs[1]:
        raise InputError("Both images have the same beam tilt: such a pair does not show defocus. Tilt by ±5 mrad.")
    return ((pairs[0][1] * 1e-3, pairs[0][0] * 1e-3), (pairs[1][1] * 1e-3, pairs[1][0] * 1e-3))


def _turned(x: float, y: float, angle_rad: float) -> Pair:
    """(x, y) turned by an angle from +x towards +y."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return (x * cos - y * sin, x * sin + y * cos)


def given_pixel_m(given_nm: float | None, frames: tuple[Frame, Frame]) -> float:
    """The pixel size in metres: as given, else what both headers agree on."""
    if given_nm is None:
        known = [frame.pixel_m for frame in frames if frame.pixel_m is not None]
        if not known:
            raise InputError("The pixel size is not in the files. Give it in nm at the specimen: --pixel-nm 0.14")
        if not math.isclose(known[0], known[-1], rel_tol=1e-3):
            raise InputError(
                f"The headers give pixels of {known[0] * 1e9:.4g} and {known[-1] * 1e9:.4g} nm. Take both images with "
                "the same preset, or say which holds: --pixel-nm 0.14"
            )
        given_nm = known[0] * 1e9
    if not _PIXEL_NM[0] <= given_nm <= _PIXEL_NM[1]:
        raise InputError(f"A pixel of {given_nm:g} nm is not one of an electron micrograph. Give it in nm: 0.14")
    return given_nm * 1e-9


def given_voltage_v(given_kv: float | None, frames: tuple[Frame, Frame]) -> float:
    """The high tension in volts: as given, else what both headers agree on."""
    if given_kv is not None:
        return given_kv * 1e3
    known = [frame.state.voltage_v for frame in frames if frame.state.voltage_v is not None]
    if not known:
        raise InputError("The high tension is not in the files. Give it in kV: --voltage-kv 300")
    if not math.isclose(known[0], known[-1], rel_tol=1e-3):
        raise InputError(
            f"The headers give {known[0] * 1e-3:g} and {known[-1] * 1e-3:g} kV. Say which holds: --voltage-kv 300"
        )
    return known[0]
