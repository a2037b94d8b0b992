"""A calibration held against the truth of the simulated microscope: error ÷ stated σ, number by number.

Numbers that a calibration declares as tied (true eucentric height and the goniometer's runout) are not identifiable and
are not here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eucentric.calibration import quantities as q
from eucentric.calibration.believed import book_from_store
from eucentric.calibration.handed_over import columns_of
from eucentric.calibration.record import Record, optics_of
from eucentric.calibration.store import CalibrationStore
from eucentric.focus.focus import Focus
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out
from eucentric.microscope.simulated.constants import Constants
from eucentric.microscope.simulated.truth import constants, hysteresis_width_m, truth


@dataclass(frozen=True, slots=True)
class Pull:
    """One calibrated number: its error, and that in units of its stated 1σ."""

    name: str
    error: float
    sigma: float

    @property
    def pull(self) -> float:
        """Error ÷ σ."""
        return self.error / self.sigma if self.sigma > 0 else math.inf


def pulls_of(microscope: Microscope, record: Record) -> Iterator[Pull]:
    """Every identifiable number of a record against the truth."""
    if record.rough:
        return
    preset, found = record.optics.preset, record.quantity
    true = constants(microscope)
    if isinstance(found, q.TiltResponse):
        yield from _response(found, true, preset)
    elif isinstance(found, q.ComaFreeAxis):
        yield from _vector("coma-free axis", found.tilt_rad, true.coma_free_rad, found.tilt_sigma_rad)
    elif isinstance(found, q.RotationCentre):
        yield from _vector("rotation centre", found.tilt_rad, true.rotation_centre_rad, found.tilt_sigma_rad)
    elif isinstance(found, q.StigmatorResponse):
        yield from _matrix(
            "stigmator response",
            found.matrix_m,
            _over(true.stigmator_m[preset], true.focus_scale),
            found.matrix_sigma_m,
        )
    elif isinstance(found, q.PivotPoint):
        yield from _matrix("pivot point", found.matrix_m_per_rad, true.pivot_m_per_rad[preset], found.sigma_m_per_rad)
    elif isinstance(found, q.AlphaResponse):
        turned = math.remainder(found.axis_rad - true.stage_tilt_axis_rad[preset], 2 * math.pi)
        yield Pull("stage tilt axis", turned, found.axis_sigma_rad)
        y, x = (part * true.z_scale for part in true.alpha_px_per_m[preset])
        yield from _vector("stage alpha", found.px_per_m, (y, x), found.px_per_m_sigma)
    elif isinstance(found, q.Parfocality):
        difference = (true.parfocal_m[preset] - true.parfocal_m[found.reference]) / true.focus_scale
        yield Pull("parfocality", found.difference_m - difference, found.difference_sigma_m)
    elif isinstance(found, q.EucentricFocus):
        yield Pull("eucentric focus", found.focus_m - true.eucentric_focus_m[preset], found.focus_sigma_m)
    elif isinstance(found, q.LensHysteresis):
        width = hysteresis_width_m(microscope, found.excursion_m) / true.focus_scale
        yield Pull("lens hysteresis", found.width_m - width, found.width_sigma_m)
    else:
        yield from _scalar(found, true)


def _scalar(found: q.AnyQuantity, true: Constants) -> Iterator[Pull]:
    if isinstance(found, q.FocusScale):
        yield Pull("focus scale", found.scale - true.focus_scale, found.scale_sigma)
    elif isinstance(found, q.HeightResponse):
        yield Pull("stage Z", found.c1_per_z - true.c1_per_z, found.c1_per_z_sigma)
    elif isinstance(found, q.StageBacklash):
        yield Pull("stage backlash", found.z_m - true.backlash_z_m, found.z_sigma_m)
    elif isinstance(found, q.TiltSettling):
        yield Pull("tilt settling", found.left_at_return - true.tilt_left_at_return, found.left_sigma)


def _response(found: q.TiltResponse, true: Constants, preset: str) -> Iterator[Pull]:
    """Scale and rotation apart: the ratio of the found and the true matrix."""
    ratio = np.array(found.matrix_px_per_rad_m) @ np.linalg.inv(np.array(true.tilt_response_px_per_rad_m[preset]))
    scale = math.sqrt(abs(np.linalg.det(ratio))) - 1
    turn = math.atan2(ratio[1, 0] - ratio[0, 1], ratio[0, 0] + ratio[1, 1])
    yield Pull(f"tilt response {preset}, scale", scale, found.scale_sigma)
    yield Pull(f"tilt response {preset}, rotation", turn, found.rotation_sigma_rad)
    if found.cubic_sigma_per_rad2 > 0:
        yield Pull("tilt cubic", found.cubic_per_rad2 - true.tilt_cubic_per_rad2, found.cubic_sigma_per_rad2)


def _vector(name: str, found: q.Pair, true: q.Pair, sigma: float) -> Iterator[Pull]:
    for one, other in zip(found, true, strict=True):
        yield Pull(name, one - other, sigma)


def _matrix(name: str, found: q.Matrix, true: q.Matrix, sigma: float) -> Iterator[Pull]:
    for row, other in zip(found, true, strict=True):
        yield from _vector(name, row, other, sigma)


def astigmatism_left_m(microscope: Microscope, store: CalibrationStore) -> float:
    """|A1| after a focus step that corrects astigmatism with what was calibrated, metres."""
    states = [optics_of(microscope, p.name) for p in microscope.presets()]
    book = book_from_store(store, "simulated", states, columns_of(handed_out(microscope)), z_along_normal=True)
    height = truth(microscope).height_m
    z = microscope.stage().z_m
    microscope.move_stage(z_m=z - height)
    try:
        Focus(microscope, book, FocusSettings(sequence=FocusSequence(steps=(_STIGMATE,))), workers=1).run()
        microscope.set_preset(_STIGMATE.preset)
        return math.hypot(*truth(microscope).a1_m)
    finally:
        microscope.set_stigmator((0.0, 0.0))
        microscope.move_stage(z_m=z)


_STIGMATE = FocusStep.model_validate(
    {
        **{"name": "astigmatism", "preset": "fa", "tilt": "8 mrad", "pattern": "cross quad", "stig_correction": True},
        **{"offset": "-0.5 um", "tolerance": "0.1 um", "correction_type": CorrectionType.DEFOCUS},
    }
)


def _over(matrix: q.Matrix, scale: float) -> q.Matrix:
    """In commanded metres: all is measured by the ruler of the lens."""
    (yy, yx), (xy, xx) = matrix
    return ((yy / scale, yx / scale), (xy / scale, xx / scale))
