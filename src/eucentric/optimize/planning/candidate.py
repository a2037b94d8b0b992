"""One way to measure and correct focus: magnification, binning, image, exposure, tilts, offset, and what corrects it.
Pure.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from eucentric.focus.patterns import Pattern, PatternName, pattern
from eucentric.focus.settings import CorrectionType
from eucentric.optimize.instrument import SMALLEST_TILT_RAD, Instrument, Magnification

TILTS_RAD = (SMALLEST_TILT_RAD, 0.7e-3, 1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3, 5e-3, 7e-3, 10e-3, 14e-3, 20e-3)
"""Tilts of one image that are tried, as far as the instrument allows: about √2 apart, round."""
PATTERNS = (PatternName.PAIR, PatternName.QUAD, PatternName.CROSS, PatternName.STAR, PatternName.CROSS_QUAD)
"""Of the usual ones those that some plan is cheapest with; a sextet and a double star never are (docs/decisions)."""
EXPOSURES = (0.2, 0.5, 1.0, 2.0)
"""Times that of the magnification; its electrons go along."""
OFFSETS_M = (0.0, -0.5e-6, -1e-6, -2e-6, -5e-6, -10e-6, -20e-6)
"""Lens defocus for the images alone: at focus a film shows little, and the camera's own pattern lies near its shift."""
CORRECTIONS = (CorrectionType.STAGE_Z, CorrectionType.DEFOCUS)
SMALLEST_PX, LARGEST_PX = 256, 2048
"""Side of an image below which too little is seen of a film, and above which a look takes seconds to compute."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A measurement and its correction. `tilt_rad` is each image's; `offset_m` lens defocus for the images alone;
    `exposure` how many times as long as the magnification has it.
    """

    magnification: Magnification
    binning: int
    size_px: int
    tilt_rad: float
    pattern: PatternName
    offset_m: float
    correction: CorrectionType
    exposure: float = 1.0

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
    def exposure_s(self) -> float:
        """Of one image."""
        return self.magnification.exposure_s * self.exposure

    @property
    def image_dose_per_m2(self) -> float:
        """What one image puts on the specimen."""
        return self.magnification.dose_per_m2 * self.exposure

    @property
    def images(self) -> int:
        """Of one look."""
        return images_in(self.pattern)

    @property
    def dose_e_per_m2(self) -> float:
        """What one look at a place puts there."""
        return self.images * self.image_dose_per_m2

    @property
    def preset(self) -> str:
        """What its preset is called where it is not the magnification's own: binning and exposure say it."""
        exposed = "" if self.exposure == 1 else f" {self.exposure_s:g} s"
        return f"{self.magnification.name} bin {self.binning} {self.size_px}{exposed}"


@functools.cache
def images_in(name: PatternName) -> int:
    """How many images a pattern takes."""
    return pattern(name, 1e-3).images


def tilts_of(instrument: Instrument, tilt_max_rad: float | None = None) -> list[float]:
    """The tilts that are tried, as far as the instrument and what is asked allow."""
    most = tilt_most(instrument, tilt_max_rad)
    return [t for t in TILTS_RAD if t <= most * (1 + 1e-9)] or [most]


def magnification_named(instrument: Instrument, name: str) -> Magnification:
    """That of the instrument."""
    return next(one for one in instrument.magnifications if one.name == name)


def magnification_at(instrument: Instrument, name: str | None) -> Magnification | None:
    """That of the instrument, where one is named."""
    return None if name is None else magnification_named(instrument, name)


def tilt_most(instrument: Instrument, asked_rad: float | None = None) -> float:
    """The largest tilt of an image: the instrument's, or a smaller one that is asked."""
    return min(instrument.tilt_most_rad, math.inf if asked_rad is None else asked_rad)


def sizes_of(instrument: Instrument, binning: int) -> list[int]:
    """The images that are tried at a binning: the whole camera's, a half and a quarter of its side."""
    whole = instrument.camera.size // binning
    return [size for size in (whole, whole // 2, whole // 4) if SMALLEST_PX <= size <= LARGEST_PX]


def images_of(instrument: Instrument) -> Iterator[tuple[Magnification, int]]:
    """Magnification and binning: every pixel size there is."""
    for magnification in instrument.magnifications:
        for binning in instrument.camera.binnings:
            if sizes_of(instrument, binning):
                yield magnification, binning
