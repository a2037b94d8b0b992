"""What focusing believes of an instrument, from the calibrations that are kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.instrument import Calibration, Source, Uncertainty
from eucentric.calibration.quantities import (
    AlphaResponse,
    AnyQuantity,
    ComaFreeAxis,
    EucentricFocus,
    FocusScale,
    HeightResponse,
    LensHysteresis,
    Matrix,
    Parfocality,
    StageBacklash,
    StigmatorResponse,
    TiltResponse,
    TiltSettling,
)
from eucentric.calibration.record import SCOPES, OpticsState, Record
from eucentric.calibration.store import CalibrationStore, newest_of
from eucentric.optics.column import Column

AXIS_UNKNOWN_RAD = 2e-3
"""1σ per component of a coma-free axis that nobody measured: presets are commonly aligned to 1 or 2 mrad."""
A1_UNKNOWN_M = 50e-9
"""1σ per component of astigmatism that nobody measured."""
FOCUS_SCALE_UNKNOWN = 0.01
"""1σ of true metres of defocus per commanded metre, without a declared reference."""

PIXEL_UNKNOWN = 0.01
"""1σ of a nominal pixel size. Tilts are told tied: coils × focus scale × nominal ÷ true pixel; what Cs does goes by the
true tilt, and twice the pixel's error is one of Cs. The focus scale's part goes with `c1_scale`."""
ANOTHER_DAY = 5e-4
"""1σ of direction (rad) and shape that a calibration loses from one day to the next."""


def book_from_store(
    store: CalibrationStore,
    instrument: str,
    states: Iterable[OpticsState],
    columns: Mapping[str, Column],
    *,
    z_along_normal: bool = False,
    rough: bool = False,
) -> CalibrationBook:
    """The calibrations of every state whose tilt response is known; `columns` by preset name.

    With `rough`, a tilt response measured on the way is taken where there is no other. A preset without one is not in
    the book: asking for it raises CalibrationError that names the command.
    """
    presets: dict[str, Calibration] = {}
    parfocal: dict[str, Parfocality] = {}
    records = store.records()
    for optics in states:
        column = columns.get(optics.preset)
        newest = {kind: newest_of(records, kind, instrument, optics, rough=rough) for kind in SCOPES}
        found = {kind: record for kind, record in newest.items() if record is not None}
        if column is not None and "tilt response" in found:
            presets[optics.preset] = _calibration(instrument, column, found, z_along_normal)
            difference = found["parfocality"].quantity if "parfocality" in found else None
            if isinstance(difference, Parfocality):
                parfocal[optics.preset] = difference
    return CalibrationBook(instrument, {name: _by_parfocality(name, presets, parfocal) for name in presets})


def _by_parfocality(name: str, presets: Mapping[str, Calibration], parfocal: Mapping[str, Parfocality]) -> Calibration:
    """The calibration with the eucentric focus that follows from the reference preset's, where it has none of its own.

    C1 = lens − (lens in focus) at both presets, so the one in focus is the reference's minus the difference of C1.
    """
    mine, known = presets[name], parfocal.get(name)
    reference = presets.get(known.reference) if known is not None else None
    if mine.eucentric_focus_m is not None or known is None or reference is None or reference.eucentric_focus_m is None:
        return mine
    return replace(
        mine,
        eucentric_focus_m=reference.eucentric_focus_m - known.difference_m,
        eucentric_focus_sigma_m=math.hypot(reference.eucentric_focus_sigma_m or 0.0, known.difference_sigma_m),
    )


def _calibration(instrument: str, column: Column, found: Mapping[str, Record], z_along_normal: bool) -> Calibration:
    kept = {kind: record.quantity for kind, record in found.items()}
    response, axis, height = kept["tilt response"], kept.get("coma-free axis"), kept.get("stage Z")
    alpha, stigmator, focus = kept.get("stage alpha"), kept.get("stigmator response"), kept.get("eucentric focus")
    assert isinstance(response, TiltResponse)  # the kind says so
    return Calibration(
        instrument=instrument,
        column=column,
        tilt_matrix=_metres(response.matrix_px_per_rad_m, found["tilt response"].optics.pixel_m),
        coma_free_rad=axis.tilt_rad if isinstance(axis, ComaFreeAxis) else (0.0, 0.0),
        height_per_z=height.c1_per_z if isinstance(height, HeightResponse) else 1.0,
        z_along_normal=z_along_normal,
        tilt_cubic_per_rad2=response.cubic_per_rad2,
        stage_tilt_axis_rad=alpha.axis_rad if isinstance(alpha, AlphaResponse) else None,
        alpha=alpha if isinstance(alpha, AlphaResponse) else None,
        stigmator=stigmator if isinstance(stigmator, StigmatorResponse) else None,
        eucentric_focus_m=focus.focus_m if isinstance(focus, EucentricFocus) else None,
        uncertainty=uncertainty_of(response, kept),
        eucentric_focus_sigma_m=focus.focus_sigma_m if isinstance(focus, EucentricFocus) else None,
        sources=tuple(Source(r.kind, r.taken, r.optics.preset, r.transferred) for r in found.values()),
    )


def _metres(matrix: Matrix, pixel_m: float) -> Matrix:
    """The tilt matrix of a response: shift in nominal metres = (tilt matrix · t)·C1 as commanded."""
    rows = np.asarray(matrix) * pixel_m
    return ((float(rows[0, 0]), float(rows[0, 1])), (float(rows[1, 0]), float(rows[1, 1])))


def uncertainty_of(response: TiltResponse, kept: Mapping[str, AnyQuantity]) -> Uncertainty:
    """What these calibrations, by kind, leave over; what none of them measured is as it usually is."""
    axis, alpha = kept.get("coma-free axis"), kept.get("stage alpha")
    usual = Uncertainty()
    return Uncertainty(
        tilt_scale=response.scale_sigma,
        tilt_rotation_rad=math.hypot(response.rotation_sigma_rad, ANOTHER_DAY),
        tilt_shear=math.hypot(response.scale_sigma, response.rotation_sigma_rad, ANOTHER_DAY) / math.sqrt(2),
        tilt_cubic_per_rad2=response.cubic_sigma_per_rad2,
        axis_rad=axis.tilt_sigma_rad if isinstance(axis, ComaFreeAxis) else AXIS_UNKNOWN_RAD,
        focus_scale=response.scale_sigma,
        c1_scale=_focus_scale(kept.get("focus scale")),
        c3_relative=math.hypot(usual.c3_relative, 2 * PIXEL_UNKNOWN),
        a1_m=_astigmatism(kept.get("stigmator response")),
        focus_hysteresis=_left_behind(kept.get("lens hysteresis"), usual.focus_hysteresis),
        tilt_settling=_still_missing(kept.get("tilt settling"), usual.tilt_settling),
        stage_tilt_axis_rad=alpha.axis_sigma_rad if isinstance(alpha, AlphaResponse) else usual.stage_tilt_axis_rad,
        z_play_m=_play(kept.get("stage backlash"), usual.z_play_m),
        height_scale=_height_scale(kept.get("stage Z"), usual.height_scale),
    )


def _focus_scale(known: AnyQuantity | None) -> float:
    """Everything is told in commanded metres: what they differ from true ones by, with a declared reference."""
    if not isinstance(known, FocusScale):
        return FOCUS_SCALE_UNKNOWN
    return math.hypot(known.scale - 1, known.scale_sigma)


def _astigmatism(known: AnyQuantity | None) -> float:
    """What was there stays until it is corrected: per component, with its error."""
    if not isinstance(known, StigmatorResponse):
        return A1_UNKNOWN_M
    a, b = known.a1_m
    return math.sqrt((a * a + b * b) / 2 + known.a1_sigma_m**2)


def _left_behind(known: AnyQuantity | None, usual: float) -> float:
    """Half the width of the loop over its excursion is what one excursion leaves; small ones leave up to `usual`."""
    if not isinstance(known, LensHysteresis):
        return usual
    return max(usual, (abs(known.width_m) + known.width_sigma_m) / (2 * known.excursion_m))


def _still_missing(known: AnyQuantity | None, usual: float) -> float:
    """What of a step is missing, with its error: never nothing."""
    return math.hypot(known.left_at_return, known.left_sigma) if isinstance(known, TiltSettling) else usual


def _play(known: AnyQuantity | None, usual: float) -> float:
    """How far apart Z arrives from above and from below, with its error."""
    return math.hypot(known.z_m, known.z_sigma_m) if isinstance(known, StageBacklash) else usual


def _height_scale(known: AnyQuantity | None, usual: float) -> float:
    """Relative 1σ of dC1/dz."""
    if not isinstance(known, HeightResponse) or known.c1_per_z == 0:
        return usual
    return abs(known.c1_per_z_sigma / known.c1_per_z)
