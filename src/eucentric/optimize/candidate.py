"""One way to measure and correct focus: magnification, binning, tilt, pattern, offset, and what corrects it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from eucentric.focus.patterns import Pattern, PatternName, pattern
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import Instrument, Magnification

TILTS_RAD = (1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3, 5e-3, 7e-3, 10e-3, 14e-3, 20e-3)
"""Tilts of one image that are tried, as far as the instrument allows: about √2 apart, round."""
PATTERNS = (PatternName.PAIR, PatternName.QUAD, PatternName.CROSS_QUAD)
SMALLEST_PX = 256
"""Side of an image below which too little is seen of a film."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A measurement and its correction. `tilt_rad` is each image's; `offset_m` lens defocus for the images alone."""

    magnification: Magnification
    binning: int
    size_px: int
    tilt_rad: float
    pattern: PatternName
    offset_m: float
    correction: CorrectionType

    @property
    def pixel_m(self) -> float:
        """Of the binned image."""
        return self.magnification.pixel_m * self.binning

    @property
    def field_m(self) -> float:
        """Side of the image at the specimen."""
        return self.pixel_m * self.size_px

    @property
    def plan(self) -> Pattern:
        """Its beam tilts."""
        return pattern(self.pattern, self.tilt_rad)

    @property
    def dose_e_per_m2(self) -> float:
        """What one look at a place puts there."""
        return self.plan.images * self.magnification.dose_per_m2


def candidates(instrument: Instrument, *, tilt_max_rad: float | None = None) -> Iterator[Candidate]:
    """All that are tried: every magnification, binning, tilt and pattern, by height and by the lens."""
    most = min(instrument.lens.tilt_max_rad, math.inf if tilt_max_rad is None else tilt_max_rad)
    tilts = [t for t in TILTS_RAD if t <= most * (1 + 1e-9)] or [most]
    for magnification in instrument.magnifications:
        for binning in instrument.camera.binnings:
            size = instrument.camera.size // binning
            if size < SMALLEST_PX:
                continue
            for tilt in tilts:
                for name in PATTERNS:
                    for correction in (CorrectionType.STAGE_Z, CorrectionType.DEFOCUS):
                        offset = offset_for(magnification.pixel_m * binning)
                        yield Candidate(magnification, binning, size, tilt, name, offset, correction)


def offset_for(pixel_m: float) -> float:
    """Underfocus at which images of this pixel show a film: where the first Thon ring reaches eight pixels, λ·C1 ≈ (8
    pixels)², between 0.5 and 20 µm.
    """
    return -min(max((8 * pixel_m) ** 2 / 2.5e-12, 0.5e-6), 20e-6)
