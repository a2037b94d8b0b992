"""`eucentric measure FIRST SECOND`: defocus from two image files of any microscope."""

from __future__ import annotations

import json
import math
import re
import textwrap
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.errors import InputError

if TYPE_CHECKING:
    from eucentric.focus.result import DefocusResult
    from eucentric.images.frame import Frame

REFUSED = 3
_OPTICS, _TILT = "Optics", "Beam tilt"
_TILT_MAX_MRAD = 100.0
_PIXEL_NM = (1e-3, 1e4)

_NEGATIVE = re.compile(r"(?<=[ (])-(?=\d)")
"""The hyphen of a negative number; not that of 1e-9 or of a word."""

Pair = tuple[float, float]


class Correlation(StrEnum):
    """The correlation types; a copy of correlation.shift.Method, so that --help needs no NumPy."""

    MATCHED = "matched"
    PHASE = "phase"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Beam:
    """The tilt options as given, mrad and degrees; pairs are (X, Y)."""

    tilt: float | None
    angle_deg: float | None
    cross: float | None
    first: Pair | None
    second: Pair | None


def measure(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="Image at −tilt: MRC, TIFF, .npy or PNG.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Image at +tilt, of the same size and kind.")],
    *,
    voltage_kv: Annotated[
        float | None, typer.Option(help="High tension, kV. Default: from the header.", rich_help_panel=_OPTICS)
    ] = None,
    cs_mm: Annotated[float | None, typer.Option(help="Spherical aberration Cs, mm.", rich_help_panel=_OPTICS)] = None,
    pixel_nm: Annotated[
        float | None,
        typer.Option(help="Pixel size at the specimen, nm. Default: from the header.", rich_help_panel=_OPTICS),
    ] = None,
    tilt_mrad: Annotated[
        float | None,
        typer.Option(
            help="Tilt of each image from the optical axis, mrad: FIRST at −tilt, SECOND at +tilt.",
            rich_help_panel=_TILT,
        ),
    ] = None,
    tilt_angle_deg: Annotated[
        float | None,
        typer.Option(
            help="Direction of the tilt in the image, degrees from +x (to the next column) towards +y (to the next "
            "row). Default 0.",
            rich_help_panel=_TILT,
        ),
    ] = None,
    cross_tilt_mrad: Annotated[
        float | None,
        typer.Option(
            help="Known misalignment of both images across the tilt, mrad: along the tilt's direction turned by +90°, "
            "so along +y for a tilt along +x. Default 0.",
            rich_help_panel=_TILT,
        ),
    ] = None,
    first_tilt_mrad: Annotated[
        Pair | None,
        typer.Option(help="Instead, the tilt of FIRST in full, mrad.", metavar="X Y", rich_help_panel=_TILT),
    ] = None,
    second_tilt_mrad: Annotated[
        Pair | None, typer.Option(help="And that of SECOND, mrad.", metavar="X Y", rich_help_panel=_TILT)
    ] = None,
    method: Annotated[Correlation, typer.Option(help="Correlation type.")] = Correlation.MATCHED,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the pair, the correlation and the coherence: .png, .pdf or .svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (SI units) and nothing else.")] = False,
) -> None:
    """Measure defocus from two images taken at different beam tilts.

    x counts columns and y counts rows from the first row in the file. Positive defocus is overfocus.

    Exit code: 0 accepted, 3 measured and refused, 2 unusable input.
    """
    from eucentric.images.files import read_frame

    if figure is not None:
        from eucentric.figures.saved import check_not_over, check_suffix

        check_suffix(figure)
        check_not_over(figure, (first, second))
    beam = Beam(tilt_mrad, tilt_angle_deg, cross_tilt_mrad, first_tilt_mrad, second_tilt_mrad)
    tilts = _tilts(beam)
    if cs_mm is None:
        raise InputError("The spherical aberration is not known. Give it in mm: --cs-mm 2.7")
    frames = (read_frame(first), read_frame(second))
    optics = _Optics(
        pixel_m=_pixel_m(pixel_nm, frames), voltage_v=_voltage_v(voltage_kv, frames), c3_m=cs_mm * 1e-3, tilts=tilts
    )
    result = _measured(frames, optics, method)
    if as_json:
        typer.echo(json.dumps(as_plain(result, optics, method), indent=2, allow_nan=False))
    else:
        typer.echo("\n".join(_lines(result, optics, pixel_nm)))
    if figure is not None:  # after the numbers: a figure that can't be written loses nothing
        from eucentric.figures.measure import measure_figure
        from eucentric.figures.saved import save

        save(measure_figure(frames, result, c3_m=optics.c3_m), figure)
        if not as_json:
            typer.echo(f"Figure      {figure}")
    if not result.accepted:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, slots=True)
class _Optics:
    """What the pair was taken with, SI; tilts (y, x)."""

    pixel_m: float
    voltage_v: float
    c3_m: float
    tilts: tuple[Pair, Pair]


def _measured(frames: tuple[Frame, Frame], optics: _Optics, method: Correlation) -> DefocusResult:
    import numpy as np

    from eucentric.focus.measure import measure_defocus

    if frames[0].shape != frames[1].shape:
        (ny, nx), (my, mx) = frames[0].shape, frames[1].shape
        raise InputError(
            f"The images differ in size: {frames[0].name} is {nx} × {ny} pixels, {frames[1].name} {mx} × {my}. "
            "Take both with the same preset, or crop them alike."
        )
    if np.array_equal(frames[0].pixels, frames[1].pixels):
        raise InputError(
            f"{frames[0].name} and {frames[1].name} hold the same image, down to its noise. "
            "Give the two images of a pair."
        )
    return measure_defocus(
        frames[0].pixels,
        frames[1].pixels,
        pixel_m=optics.pixel_m,
        voltage_v=optics.voltage_v,
        c3_m=optics.c3_m,
        first_tilt=optics.tilts[0],
        second_tilt=optics.tilts[1],
        method=method.value,
    )


def _tilts(beam: Beam) -> tuple[Pair, Pair]:
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


def _pixel_m(given_nm: float | None, frames: tuple[Frame, Frame]) -> float:
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


def _voltage_v(given_kv: float | None, frames: tuple[Frame, Frame]) -> float:
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


def as_plain(result: DefocusResult, optics: _Optics, method: Correlation) -> dict[str, Any]:
    """The result for JSON: SI units, [y, x], None for what is not known or not finite."""
    tilts = {"first_tilt_rad": list(optics.tilts[0]), "second_tilt_rad": list(optics.tilts[1])}
    used = {"method": method.value, "pixel_m": optics.pixel_m, "voltage_v": optics.voltage_v, "c3_m": optics.c3_m}
    cleaned: dict[str, Any] = _finite(result.summary() | used | tilts)
    return cleaned


def _finite(value: Any) -> Any:
    """The same structure of plain Python values, with None for NaN and infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _lines(result: DefocusResult, optics: _Optics, pixel_nm: float | None) -> list[str]:
    """The result for people."""
    from eucentric.units import show_chance, show_odds

    measured, shift, rival = result.measurement, result.shift, result.shift.runner_up
    (y, x), sigma = shift.shift_px, shift.sigma_px
    known = sigma is not None
    digits = 3 if known else 1
    error = [f" ± {s:.{digits}f}" for s in sigma] if sigma is not None else ["", ""]
    source = "" if pixel_nm is not None else " (from the header)"
    (y1, x1), (y2, x2) = ((1e3 * ty, 1e3 * tx) for ty, tx in optics.tilts)
    budget = ", ".join(f"{part.source} {part.sigma_m * 1e9:.2g}" for part in measured.budget if part.sigma_m > 5e-12)
    lines = [
        f"Defocus     {result.words}",
        f"Verdict     {'accepted' if result.accepted else f'refused. {result.verdict.sentence}'}",
        f"Shift       x {x:+.{digits}f}{error[1]}, y {y:+.{digits}f}{error[0]} pixels, {shift.method}, "
        f"overlap {100 * shift.overlap:.0f} %, {shift.seconds:.2f} s",
        f"Chance      {show_chance(shift.false_lock_probability)} that noise alone looks like this",
    ]
    if rival is not None:
        ry, rx = rival.shift_px
        lines.append(f"Runner-up   x {rx:+.1f}, y {ry:+.1f} pixels, odds {show_odds(rival.odds)} to 1 against it")
    lines += [
        f"Errors      {budget} nm",
        f"Taken with  {optics.voltage_v * 1e-3:g} kV, Cs {optics.c3_m * 1e3:g} mm, pixel {optics.pixel_m * 1e9:.4g} nm"
        f"{source}, tilts (x, y) ({x1:.2f}, {y1:.2f}) and ({x2:.2f}, {y2:.2f}) mrad",
    ]
    return [_NEGATIVE.sub("−", part) for line in lines for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    """A line of at most 80 letters, continued below its second column."""
    return textwrap.wrap(line, 80, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False)
