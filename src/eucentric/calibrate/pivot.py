"""Pivot point: how far the lit area moves at the specimen when the beam tilts.

In focus the specimen stands still under tilt, so what moves is the beam. Its edge, where the light falls to half, is
found in images at opposite tilts and fitted as one circle whose centre goes with the tilt: a contour at half the light
hardly depends on the specimen's contrast (a contrast c moves it by about c times the width of the edge). Where no edge
is in view nothing is claimed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from eucentric.calibrate.focus_here import c1_here
from eucentric.calibrate.least_squares import Array
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.shots import Shot, Shots, approach_defocus, knows_tilt
from eucentric.calibration.instrument import Calibration, Vector
from eucentric.calibration.quantities import PivotPoint
from eucentric.images.prepare import as_image
from eucentric.microscope.guarded import Guarded

_CELLS = 64  # along the shorter side of the view: light is averaged over cells
_FEWEST = 12  # points of the contour in an image that count as an edge
_INDEPENDENT = 4.0  # points along a contour that share their specimen: its features reach over a few cells
_GREEN_PART = 0.1  # of the view: a lit area that moves less at the largest tilt
_PIXEL = 0.02  # what a nominal pixel size is known to: the answer is in metres
_FOUND = 0.2  # relative 1σ above which the answer is no answer


@dataclass(frozen=True, slots=True)
class PivotPlan:
    """Instrument tilts (rad): the large one shows whether the edge comes into view; where it takes the light away, the
    small one is for the fit."""

    tilt_rad: float = 10e-3
    small_tilt_rad: float = 4e-3
    settle_s: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Edge:
    """Points (n, 2) of the contour at half the light, metres from the view's centre, and the tilt from the axis."""

    tilt_rad: Vector
    points_m: Array


def measure_pivot(
    microscope: Guarded,
    calibration: Calibration,
    plan: PivotPlan | None = None,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """The motion of the lit area at the present preset; everything is put back. Raises InstrumentError.

    The outcome has no quantity where the edge of the beam is not in view. With a known tilt response the lens is
    brought to focus first; without it, the displacement by defocus is in the answer.
    """
    plan, tell = plan or PivotPlan(), progress or silent
    shots = Shots(microscope, calibration, settle_s=plan.settle_s)
    with microscope.preserved():
        if knows_tilt(calibration):
            tell("focus", 0.0)
            approach_defocus(microscope, microscope.defocus_m() - c1_here(shots))
        for number, tilt in enumerate((plan.tilt_rad, plan.small_tilt_rad)):
            tell(f"tilts of {tilt * 1e3:.0f} mrad", 0.2 + 0.4 * number)
            light = _seen(_around(shots, tilt), calibration.coma_free_rad, shots.pixel_m)
            found = _fitted(light.edges)
            if found is not None:
                return _outcome(found, light.edges, shots)
            if light.everywhere:
                break
    return _nothing(shots, tilt, everywhere=light.everywhere)


def _around(shots: Shots, tilt_rad: float) -> list[Shot]:
    y0, x0 = shots.calibration.coma_free_rad
    steps = ((0.0, 0.0), (0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.0))
    return [shots.take((y0 + tilt_rad * y, x0 + tilt_rad * x)) for y, x in steps]


@dataclass(frozen=True, slots=True, eq=False)
class _Light:
    """The edges in all images, and whether all of them are lit all over as the brightest is."""

    edges: list[_Edge]
    everywhere: bool


def _seen(shots: list[Shot], centre: Vector, pixel_m: float) -> _Light:
    cells = [_light(shot.frame.pixels) for shot in shots]
    level = 0.5 * max(float(np.percentile(light, 90)) for light, _ in cells)
    everywhere = all(float(np.percentile(light, 1)) > level for light, _ in cells)
    edges = []
    for shot, (light, side) in zip(shots, cells, strict=True):
        tilt = (shot.tilt_rad[0] - centre[0], shot.tilt_rad[1] - centre[1])
        middle = np.array([length // 2 for length in shot.frame.shape])
        edges.append(_Edge(tilt, ((half_light(light, level) + 0.5) * side - 0.5 - middle) * pixel_m))
    return _Light(edges, everywhere)


def _light(pixels: NDArray[np.generic]) -> tuple[Array, int]:
    """Mean light of square cells (rows, columns), single dark or bright ones smoothed away, and a cell's side in px."""
    image = as_image(pixels)
    side = max(2, min(image.shape) // _CELLS)
    ny, nx = image.shape[0] // side, image.shape[1] // side
    light = image[: ny * side, : nx * side].reshape(ny, side, nx, side).mean(axis=(1, 3))
    return np.asarray(ndimage.median_filter(light, size=3), np.float64), side


def half_light(light: Array, level: float) -> Array:
    """Where `light` crosses `level` along its rows and columns, (n, 2) (y, x) in cells, interpolated between them."""
    points = []
    for axis in (0, 1):
        rows = light if axis == 1 else light.T
        line, at = np.nonzero((rows[:, :-1] > level) != (rows[:, 1:] > level))
        low, high = rows[line, at], rows[line, at + 1]
        where = at + (level - low) / (high - low)
        points.append(np.stack((line, where) if axis == 1 else (where, line), axis=-1))
    return np.concatenate(points).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    matrix: Array  # (2, 2) metres per rad
    sigma: float
    centre: Array
    radius: float


def _fitted(edges: list[_Edge]) -> _Found | None:
    """One circle, moved by matrix·t from image to image; None where the edges do not tell it."""
    seen = [e for e in edges if len(e.points_m) >= _FEWEST]
    tilts = np.array([e.tilt_rad for e in seen]).reshape(-1, 2)
    if len(seen) < 3 or np.linalg.matrix_rank(tilts - tilts.mean(axis=0), tol=1e-4) < 2:
        return None
    points = np.concatenate([e.points_m for e in seen])
    at = np.repeat(tilts, [len(e.points_m) for e in seen], axis=0) / tilts.max()
    unit = float(np.abs(points).max())

    def rest(p: Array) -> Array:
        away = points / unit - p[:2] - at @ p[3:].reshape(2, 2).T
        return np.asarray(np.hypot(away[:, 0], away[:, 1]) - p[2])

    fit = optimize.least_squares(rest, _start(seen, tilts / tilts.max(), unit), loss="soft_l1", f_scale=0.02)
    jacobian = np.asarray(fit.jac, np.float64)
    precision = jacobian.T @ jacobian
    if not fit.success or np.linalg.cond(precision) > 1e10:
        return None
    spread = float(np.median(np.abs(rest(fit.x)))) * 1.48
    sigmas = np.sqrt(np.diag(np.linalg.inv(precision)) * _INDEPENDENT) * spread
    to_m = unit / float(tilts.max())
    matrix, sigma = fit.x[3:].reshape(2, 2) * to_m, float(sigmas[3:].max()) * to_m
    sigma = math.hypot(sigma, _PIXEL * float(np.linalg.norm(matrix, ord=2)))
    if sigma > _FOUND * max(float(np.linalg.norm(matrix)), 10e-6):
        return None
    return _Found(matrix, sigma, fit.x[:2] * unit, float(fit.x[2]) * unit)


def _start(seen: list[_Edge], tilts: Array, unit: float) -> Array:
    """Centre, radius and motion to begin with: a circle through each image's points, x² + y² = 2ax + 2by + c."""
    centres, radii = [], []
    for edge in seen:
        p = edge.points_m / unit
        (b, a, c), *_ = np.linalg.lstsq(np.column_stack([2 * p, np.ones(len(p))]), (p**2).sum(axis=1), rcond=None)
        centres.append((b, a))
        radii.append(math.sqrt(max(c + a * a + b * b, 0.01)))
    columns = np.column_stack([np.ones(len(seen)), tilts])
    moved, *_ = np.linalg.lstsq(columns, np.array(centres), rcond=None)
    return np.array([*moved[0], float(np.median(radii)), *moved[1:].T.ravel()])


def _outcome(found: _Found, edges: list[_Edge], shots: Shots) -> Outcome:
    (yy, yx), (xy, xx) = found.matrix.tolist()
    quantity = PivotPoint(matrix_m_per_rad=((yy, yx), (xy, xx)), sigma_m_per_rad=found.sigma)
    level, sentence = _words(found, max(math.hypot(*e.tilt_rad) for e in edges), shots.field_m)
    return Outcome(quantity, level, sentence, _evidence(found, edges), shots.dose_per_m2, shots.seconds)


def _words(found: _Found, tilt_rad: float, field_m: float) -> tuple[Level, str]:
    by_x, by_y = (float(np.hypot(*found.matrix[:, k])) for k in (1, 0))
    most = max(by_x, by_y)
    known = (
        f"The lit area moves {by_x * 1e6:.1f} nm per mrad of tilt along x and {by_y * 1e6:.1f} nm along y "
        f"(± {found.sigma * 1e6:.1f} nm): {most * tilt_rad * 1e9:.0f} nm at {tilt_rad * 1e3:.0f} mrad"
    )
    if most * tilt_rad <= _GREEN_PART * field_m:
        return Level.GREEN, f"{known}, {most * tilt_rad / field_m:.0%} of the view: good enough."
    worse = "X" if by_x >= by_y else "Y"
    return Level.AMBER, (
        f"{known}, {most * tilt_rad / field_m:.0%} of the view. Align the beam tilt pivot points, {worse} first: "
        "wobble the tilt and turn until the beam stands still; or spread the beam."
    )


def _nothing(shots: Shots, tilt_rad: float, *, everywhere: bool) -> Outcome:
    at = f"at preset '{shots.microscope.preset().name}' at tilts up to {tilt_rad * 1e3:.0f} mrad"
    level = Level.AMBER if everywhere else Level.RED
    sentence = (
        f"The edge of the beam is not in view {at}: how far the lit area moves is not known, but it stays lit. To "
        "measure it, condense the beam until its edge is in view, or use a preset whose view is wider than the beam."
    )
    if not everywhere:
        sentence = (
            f"The view gets dark {at}, and no edge of a round beam is seen: grid bars are in view, or the beam leaves "
            "it. Move to an open place and centre the beam; if it stays, align the beam tilt pivot points."
        )
    return Outcome(None, level, sentence, (), shots.dose_per_m2, shots.seconds)


def _evidence(found: _Found, edges: list[_Edge]) -> tuple[Evidence, ...]:
    """Displacement of each image's own circle, of the common radius, against the tilt along which it was taken."""
    series = []
    for k, name in ((1, "x"), (0, "y")):
        mine = [e for e in edges if e.tilt_rad[1 - k] == 0 and len(e.points_m) >= _FEWEST]
        x = np.array([e.tilt_rad[k] for e in mine])
        column = found.matrix[:, k]
        along = column / max(float(np.hypot(*column)), 1e-12)
        centres = [_own_centre(e, found) for e in mine]
        y = np.array([(c.at_m - found.centre) @ along for c in centres])
        sigma = np.array([c.sigma_m for c in centres]) * 1e9
        line = np.array([x.min(), x.max()]) if x.size else np.zeros(0)
        curve = line * float(np.hypot(*column)) * 1e9
        series.append(Series(f"tilt along {name}", x * 1e3, y * 1e9, sigma, line * 1e3, curve))
    return (Evidence("Pivot point", "beam tilt (mrad)", "displacement of the lit area (nm)", tuple(series)),)


@dataclass(frozen=True, slots=True, eq=False)
class _Centre:
    at_m: Array
    sigma_m: float  # of the component that is told worse


def _own_centre(edge: _Edge, found: _Found) -> _Centre:
    """Centre of the circle of the common radius through this image's points, by a few Gauss-Newton steps."""
    centre = found.centre + found.matrix @ np.array(edge.tilt_rad)
    for _ in range(5):
        away = edge.points_m - centre
        far = np.hypot(away[:, 0], away[:, 1])
        toward = away / far[:, None]
        step, *_rest = np.linalg.lstsq(toward, far - found.radius, rcond=1e-3)
        centre = centre + step
    left = float(np.median(np.abs(far - found.radius - toward @ step))) * 1.48
    worst = float(np.linalg.svd(toward, compute_uv=False)[-1])
    return _Centre(np.asarray(centre), left * math.sqrt(_INDEPENDENT) / max(worst, 1e-3))
