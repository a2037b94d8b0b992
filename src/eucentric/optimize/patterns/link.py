"""How well the shift between images at two tilts of one size is told: what `sight` has for a pair at ±tilt. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eucentric.focus.predict import OVERLAP_FOR_RANGE
from eucentric.optics.aberrations import Aberrations, Tilt
from eucentric.optics.information import PairExposure, predicted_coherence
from eucentric.optics.tilt_shift import shift_between
from eucentric.optics.transfer import TiltedPair
from eucentric.optimize.instrument import Instrument
from eucentric.optimize.planning.candidate import Candidate
from eucentric.optimize.planning.prediction import EFFICIENCY, SHIFT_FLOOR_PX
from eucentric.optimize.planning.sight import USABLE, plane


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
    y, x, weight = plane()
    qy, qx = np.concatenate([y, -y]), np.concatenate([x, -x])  # images that are not opposite differ between q and −q
    exposure = PairExposure(
        TiltedPair(*apart.pair, lens, instrument.column(candidate.magnification)),
        candidate.pixel_m,
        candidate.image_dose_per_m2,
        instrument.specimen.spectrum(instrument.lens.voltage),
        instrument.detector(candidate.binning),
    )
    gamma = predicted_coherence(qy, qx, exposure)
    gamma[gamma < USABLE] = 0.0
    g2 = np.minimum(gamma**2, 1 - 1e-9)
    told = 0.5 * np.concatenate([weight, weight]) * g2 / (1 - g2) * left * candidate.size_px**2
    told_of = (float(told @ (2 * np.pi * q) ** 2) for q in (qx, qy))
    along, across = (math.hypot(_bound_px(one, candidate), SHIFT_FLOOR_PX) * candidate.pixel_m for one in told_of)
    return LinkSigma(along, across)


def _bound_px(told: float, candidate: Candidate) -> float:
    return min(EFFICIENCY / math.sqrt(told), float(candidate.size_px)) if told > 0 else float(candidate.size_px)
