"""`eucentric measure FIRST SECOND`: defocus from two image files of any microscope."""

from __future__ import annotations

import json
import math
import re
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eucentric.cli.optics import (
    Beam,
    Optics,
    Pair,
    given_envelopes,
    given_pixel_m,
    given_stage,
    given_tilts,
    given_voltage_v,
)
from eucentric.cli.options import JsonOption
from eucentric.errors import InputError

if TYPE_CHECKING:
    from eucentric.focus.result import DefocusResult
    from eucentric.images.frame import Frame

REFUSED = 3
_OPTICS, _TILT, _STAGE = "Optics", "Beam tilt", "Tilted specimen"

_NEGATIVE = re.compile(r"(?<=[ (])-(?=\d)")
"""The hyphen of a negative number; not that of 1e-9 or of a word."""


class Correlation(StrEnum):
    """The correlation types; a copy of correlation.shift.Method, so that --help needs no NumPy."""

    MATCHED = "matched"
    PHASE = "phase"
    CROSS = "cross"


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
    convergence_mrad: Annotated[
        float | None,
        typer.Option(help="Illumination semi-angle, mrad. Default 0.05.", rich_help_panel=_OPTICS),
    ] = None,
    focal_spread_nm: Annotated[
        float | None, typer.Option(help="rms focal spread, nm. Default 4.", rich_help_panel=_OPTICS)
    ] = None,
    stage_tilt_deg: Annotated[
        float | None,
        typer.Option(
            help="Tilt of the stage, degrees: the defocus told is then that of the images' centre.",
            rich_help_panel=_STAGE,
        ),
    ] = None,
    tilt_axis_deg: Annotated[
        float | None,
        typer.Option(
            help="Direction of the stage's tilt axis in the image, degrees from +x towards +y: defocus grows a quarter "
            "turn further on at a positive stage tilt.",
            rich_help_panel=_STAGE,
        ),
    ] = None,
    method: Annotated[Correlation, typer.Option(help="Correlation type.")] = Correlation.MATCHED,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the pair, the correlation and the coherence: .png, .pdf or .svg.")
    ] = None,
    as_json: JsonOption = False,
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
    tilts = given_tilts(beam)
    if cs_mm is None:
        raise InputError("The spherical aberration is not known. Give it in mm: --cs-mm 2.7")
    frames = (read_frame(first), read_frame(second))
    optics = Optics(
        pixel_m=given_pixel_m(pixel_nm, frames),
        voltage_v=given_voltage_v(voltage_kv, frames),
        c3_m=cs_mm * 1e-3,
        tilts=tilts,
        stage=given_stage(stage_tilt_deg, tilt_axis_deg),
        envelopes=given_envelopes(convergence_mrad, focal_spread_nm),
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


def _measured(frames: tuple[Frame, Frame], optics: Optics, method: Correlation) -> DefocusResult:
    import numpy as np

    from eucentric.calibration.instrument import Uncertainty
    from eucentric.focus.measure import measure_defocus
    from eucentric.focus.tilted import FLAT, stage_tilt_slope

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
        column=optics.column(),
        slope=FLAT if optics.stage is None else stage_tilt_slope(*optics.stage, Uncertainty()),
    )


def as_plain(result: DefocusResult, optics: Optics, method: Correlation) -> dict[str, Any]:
    """The result for JSON: SI units, [y, x], None for what is not known or not finite."""
    tilts = {"first_tilt_rad": list(optics.tilts[0]), "second_tilt_rad": list(optics.tilts[1])}
    used = {"method": method.value, "pixel_m": optics.pixel_m, "voltage_v": optics.voltage_v, "c3_m": optics.c3_m}
    tilt, axis = optics.stage or (0.0, None)
    stage = {"stage_tilt_rad": tilt, "tilt_axis_rad": axis} | optics.envelopes.given()
    cleaned: dict[str, Any] = _finite(result.summary() | used | tilts | stage)
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


def _lines(result: DefocusResult, optics: Optics, pixel_nm: float | None) -> list[str]:
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
        f"{source}, tilts (x, y) ({x1:.2f}, {y1:.2f}) and ({x2:.2f}, {y2:.2f}) mrad{_words(optics.stage)}",
    ]
    return [_NEGATIVE.sub("−", part) for line in lines for part in _wrapped(line)]


def _words(stage: Pair | None) -> str:
    """The tilted stage for people; nothing for one that is not."""
    return "" if stage is None else f", stage at {math.degrees(stage[0]):g}° about {math.degrees(stage[1]):g}°"


def _wrapped(line: str) -> list[str]:
    """A line of at most 80 letters, continued below its second column."""
    return textwrap.wrap(line, 80, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False)
