"""Coming near: the stage's height at which the lens' defocus zero is in focus, from anywhere in reach."""

from __future__ import annotations

from eucentric.calibrate.plan import Presets
from eucentric.calibrate.reading import Near, bring_near
from eucentric.calibrate.shots import Shots, knows_tilt
from eucentric.calibration.book import CalibrationBook
from eucentric.microscope.guarded import Guarded

COARSE_OFFSET_M = -20e-6
"""Lens defocus while the coarse height is looked for: near focus a thin specimen shows little at low magnification."""
COARSE_TILT_RAD = 4e-3
COARSE_TOLERANCE_M = 1e-6
SETTLE_S = 1.0
"""After each tilt: at a defocus of 20 µm a part of the tilt that is missing is that part of 20 µm of height."""
FINE_OFFSET_M = -1e-6
FINE_TILT_RAD = 5e-3
FINE_TOLERANCE_M = 0.3e-6


def come_near(microscope: Guarded, book: CalibrationBook, presets: Presets) -> None:
    """Move stage Z until the specimen is in focus at defocus zero: first at the hole preset, then at the focus preset
    where its tilt response is known. Preset and defocus are left at the last used preset and zero; Z stays.

    Raises NotMeasuredError where focus is not found, CalibrationError, InstrumentError.
    """
    for name, offset, tilt, tolerance in (
        (presets.hole, COARSE_OFFSET_M, COARSE_TILT_RAD, COARSE_TOLERANCE_M),
        (presets.focus, FINE_OFFSET_M, FINE_TILT_RAD, FINE_TOLERANCE_M),
    ):
        calibration = book.of(name)
        if not knows_tilt(calibration):
            continue
        microscope.set_preset(name)
        microscope.set_defocus(offset)
        near = Near(c1_m=offset, tilt_rad=tilt, tolerance_m=tolerance, coarse_preset=None)
        bring_near(Shots(microscope, calibration, settle_s=SETTLE_S), book, near)
    microscope.set_defocus(0.0)
