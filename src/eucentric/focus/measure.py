"""From images to a judged defocus: for two plain arrays, and for the frames of a pattern."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty
from eucentric.correlation.register import register
from eucentric.correlation.shift import Method, Shift, Vector
from eucentric.errors import InputError
from eucentric.focus.given import finite_tilts, given_column, given_frames, given_method, one_way, symmetric_tilts
from eucentric.focus.how import How
from eucentric.focus.measurement import Measurement, with_unit_error, without_offset
from eucentric.focus.motion import after_exposure
from eucentric.focus.patterns import Link
from eucentric.focus.pixels import inspect
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import Thresholds
from eucentric.focus.solve import Exposures, LinkShift, solve
from eucentric.focus.tilted import FLAT, Slope, with_slope_error
from eucentric.focus.verdict import Evidence, judge
from eucentric.images.frame import Frame
from eucentric.optics.aberrations import Tilt
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics

_PLAIN_SIGMA_PX = 0.5  # 1σ taken for correlators that state no error: their peaks are read to about half a pixel
_MODEL_SIGMA_PX = 0.01  # what no noise explains: interpolation, and optics that the model of a pair does not know
_NO_DEFOCUS_CHI2 = 25.0  # χ² per degree of freedom (5 σ) beyond which no defocus explains a shift


def measure_defocus(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    pixel_m: float,
    voltage_v: float,
    c3_m: float,
    tilt_rad: float | None = None,
    tilt_angle_rad: float = 0.0,
    cross_tilt_rad: float = 0.0,
    first_tilt: Tilt | None = None,
    second_tilt: Tilt | None = None,
    method: Method | str = Method.MATCHED,
    uncertainty: Uncertainty | None = None,
    column: Column | None = None,
    interval_s: float = 1.0,
    range_m: float | None = None,
    thresholds: Thresholds | None = None,
    workers: int = 2,
    slope: Slope = FLAT,
) -> DefocusResult:
    """Defocus from two images (ny, nx) taken at different beam tilts, judged.

    Either `tilt_rad`: `first` was taken at −tilt and `second` at +tilt about the coma-free axis, along `tilt_angle_rad`
    from +x (columns) towards +y (rows), with `cross_tilt_rad` the known misalignment of both along the direction
    a quarter turn further; or `first_tilt` and `second_tilt` (y, x) in full. Angles in radians, lengths in metres,
    `voltage_v` in volts. `interval_s` between the images enters the error through drift alone: without an `uncertainty`
    the place is taken for one that was exposed before, and moves no more. `column` adds envelopes, aperture and
    amplitude contrast; its high tension and Cs must agree with those given. `slope` is that of a tilted specimen
    (`stage_tilt_slope` of a stage's tilt): the defocus told is that of the images' centre.
    Raises InputError for images or optics that can't be used.
    """
    one_way(tilt_rad, first_tilt, second_tilt)
    if first_tilt is None or second_tilt is None:
        first_tilt, second_tilt = symmetric_tilts(tilt_rad or 0.0, tilt_angle_rad, cross_tilt_rad)
    tilts = finite_tilts((first_tilt, second_tilt))
    how = How(
        column=given_column(column, voltage_v, c3_m),
        uncertainty=uncertainty or after_exposure(Uncertainty(), math.inf),
        method=given_method(method),
        thresholds=thresholds or Thresholds(),
        range_m=range_m,
        workers=workers,
        slope=slope.per_m,
        slope_sigma=slope.sigma,
    )
    frames = given_frames(first, second, pixel_m=pixel_m, interval_s=interval_s)
    return measure_frames(frames, tilts, ((0, 1),), how)


def measure_frames(
    frames: tuple[Frame, ...], tilts: tuple[Tilt, ...], links: tuple[Link, ...], how: How
) -> DefocusResult:
    """Defocus from the frames of a pattern, taken at `tilts` (y, x) from the coma-free axis; `links` are compared.

    Raises InputError when a frame has no pixel size, or the frames differ in it.
    """
    pixel_m = _pixel(frames)
    exposures = Exposures(tilts, tuple(f.time_s for f in frames))
    shifts = tuple(_register(frames, tilts, link, how, pixel_m) for link in links)
    linked = tuple(in_metres(s, link, pixel_m) for s, link in zip(shifts, links, strict=True))
    sure = how.uncertainty
    raw = solve(exposures, linked, c3_m=how.column.c3_m, prior=sure)
    measured = without_offset(raw, how.offset_m, sure.focus_scale, left_behind=sure.focus_hysteresis)
    measured = with_unit_error(measured, sure.c1_scale)
    measured = with_slope_error(measured, shifts, pixel_m, how.slope_sigma)
    rivals = tuple(_rival(s, link, exposures, how, pixel_m) for s, link in zip(shifts, links, strict=True))
    rivals_m = tuple(None if r is None else r.c1_m - how.offset_m for r in rivals)
    fits = tuple(r is None or r.chi2_per_dof < _NO_DEFOCUS_CHI2 for r in rivals)
    misfit = max(_misfit_px2(s, tilts, link, how, pixel_m) for s, link in zip(shifts, links, strict=True))
    evidence = Evidence(
        measured,
        shifts,
        rivals_m,
        tuple(inspect(f) for f in frames),
        how.range_m,
        fits,
        misfit_px2=misfit,
        fit_limit_px2=how.fit_limit_px2,
    )
    verdict = judge(evidence, how.thresholds)
    return DefocusResult(measured, verdict, shifts, rivals_m, exposures, pixel_m, how.offset_m, misfit)


def _pixel(frames: tuple[Frame, ...]) -> float:
    sizes = {f.pixel_m for f in frames}
    if len(sizes) != 1 or None in sizes:
        raise InputError("The images have no common pixel size. Give the size of a pixel at the specimen, in nm.")
    return float(next(size for size in sizes if size is not None))


def _optics(tilts: tuple[Tilt, ...], link: Link, how: How, pixel_m: float) -> PairOptics:
    first, second = tilts[link[0]], tilts[link[1]]
    return PairOptics(pixel_m=pixel_m, column=how.column, first_tilt=first, second_tilt=second, slope=how.slope)


def _misfit_px2(shift: Shift, tilts: tuple[Tilt, ...], link: Link, how: How, pixel_m: float) -> float:
    """How far the shift is from any that defocus makes, squared, in pixels of the camera: binned px² × binning²."""
    pair = _optics(tilts, link, how, pixel_m)
    nearest = pair.shift_of(pair.defocus_of(shift.shift_px))
    off = (shift.shift_px[0] - nearest[0], shift.shift_px[1] - nearest[1])
    return (off[0] ** 2 + off[1] ** 2) * how.binning**2


def _register(frames: tuple[Frame, ...], tilts: tuple[Tilt, ...], link: Link, how: How, pixel_m: float) -> Shift:
    pair = _optics(tilts, link, how, pixel_m)
    return register(frames[link[0]].pixels, frames[link[1]].pixels, method=how.method, pair=pair, workers=how.workers)


def in_metres(shift: Shift, link: Link, pixel_m: float) -> LinkShift:
    """The shift as the fit takes it: with its covariance, and what no noise explains."""
    if shift.covariance_px2 is None:
        return LinkShift(link, _scaled(shift.shift_px, pixel_m), np.eye(2) * (_PLAIN_SIGMA_PX * pixel_m) ** 2)
    covariance = np.asarray(shift.covariance_px2, dtype=np.float64) * pixel_m**2
    return LinkShift(link, _scaled(shift.shift_px, pixel_m), covariance, _MODEL_SIGMA_PX * pixel_m)


def _scaled(shift_px: Vector, pixel_m: float) -> Vector:
    return (shift_px[0] * pixel_m, shift_px[1] * pixel_m)


def _rival(shift: Shift, link: Link, exposures: Exposures, how: How, pixel_m: float) -> Measurement | None:
    """The measurement that a shift's runner-up would mean."""
    if shift.runner_up is None:
        return None
    other = LinkShift(link, _scaled(shift.runner_up.shift_px, pixel_m), np.eye(2) * (_PLAIN_SIGMA_PX * pixel_m) ** 2)
    return solve(exposures, (other,), c3_m=how.column.c3_m, prior=how.uncertainty)
