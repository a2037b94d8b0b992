"""How well the shift between images at two tilts of one size is told: what `sight` has for a pair at ±tilt. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.focus.predict import OVERLAP_FOR_RANGE
from eucentric.optics.aberrations import Aberrations, Tilt
from eucentric.optics.information import PairExposure, frequency_plane, predicted_coherence, shift_information
from eucentric.optics.tilt_shift import shift_between
from eucentric.optics.transfer import TiltedPair
from eucentric.optimize.candidate import Candidate
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.prediction import EFFICIENCY, SHIFT_FLOOR_PX
from eucentric.optimize.sight import USABLE

_SAMPLES = 48  # frequencies a side


@dataclass(frozen=True, slots=True)
class LinkSigma:
    """1σ of a shift along the separation of two tilts, and across it, metres."""

    along: float
    across: float


@dataclass(frozen=True, slots=True)
class Apart:
    """Two tilts of a size (rad) that are an angle (rad) about the axis apart, π for opposite ones."""

    tilt_rad: float
    angle_rad: float

    @property
    def pair(self) -> tuple[Tilt, Tilt]:
        """With their separation along x."""
        y, x = self.tilt_rad * math.cos(0.5 * self.angle_rad), self.tilt_rad * math.sin(0.5 * self.angle_rad)
        return (y, -x), (y, x)


def link_sigma(candidate: Candidate, instrument: Instrument, c1_m: float, apart: Apart) -> LinkSigma:
    """The errors of a shift at C1; of images that share less than a fifth, that of a guess.

    However the two tilts are turned about the axis; by symmetry the two components' errors are independent.
    """
    lens = Aberrations(c1_m=c1_m, c3_m=instrument.lens.cs_m)
    left = 1 - math.hypot(*shift_between(*apart.pair, lens)) / candidate.field_m
    if left < OVERLAP_FOR_RANGE:
        return LinkSigma(candidate.field_m, candidate.field_m)
    qy, qx = frequency_plane((_SAMPLES, _SAMPLES))
    exposure = PairExposure(
        TiltedPair(*apart.pair, lens, instrument.column(candidate.magnification)),
        candidate.pixel_m,
        candidate.image_dose_per_m2,
        instrument.specimen.spectrum(instrument.lens.voltage),
        instrument.detector(candidate.binning),
    )
    gamma = predicted_coherence(qy, qx, exposure)
    gamma[0, 0] = 0.0  # the mean tells nothing
    gamma[gamma < USABLE] = 0.0
    told = left * candidate.size_px**2 / _SAMPLES**2 * shift_information(np.minimum(gamma, 1 - 1e-9), qy, qx)
    along, across = (math.hypot(_bound_px(told[k, k], candidate), SHIFT_FLOOR_PX) * candidate.pixel_m for k in (1, 0))
    return LinkSigma(along, across)


def _bound_px(told: float, candidate: Candidate) -> float:
    return min(EFFICIENCY / math.sqrt(told), float(candidate.size_px)) if told > 0 else float(candidate.size_px)
