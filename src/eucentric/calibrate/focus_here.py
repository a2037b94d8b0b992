"""Where focus is, as the lens counts, from two pairs of beam tilts: what other calibrations start from."""

from __future__ import annotations

from eucentric.calibrate.rough import AXES, pair_along
from eucentric.calibrate.shots import Moved, Shots, knows_tilt
from eucentric.calibration.commands import command_for
from eucentric.calibration.tilt_response import true_tilt
from eucentric.errors import CalibrationError, NotMeasuredError
from eucentric.optics.pair import PairOptics

_TILTS_RAD = (5e-3, 2.5e-3)  # the smaller one reaches further
_ASIDE_M, _ASIDE_PX = 2e-6, 25.0  # defocus that shows a film, and displacement that is clear of the camera's pattern


def needs_tilt(shots: Shots) -> None:
    """Raises CalibrationError, naming what to run, when the tilt response is not known."""
    if not knows_tilt(shots.calibration):
        preset = shots.microscope.preset().name
        raise CalibrationError(
            f"The tilt response of {shots.calibration.instrument} at preset '{preset}' is not known, and this "
            f"calibration needs it. Run: {command_for('tilt response', preset)}"
        )


def c1_of(moved: Moved, shots: Shots) -> float:
    """C1 in commanded metres that a pair's shift says, Cs taken off, astigmatism not."""
    calibration = shots.calibration
    first, second = (true_tilt(calibration, shot.tilt_rad) for shot in (moved.first, moved.second))
    return PairOptics(shots.pixel_m, calibration.column, first, second).defocus_of(moved.shift_px)


def c1_here(shots: Shots) -> float:
    """C1 at the present lens and stage: the mean of pairs along x and y, so that astigmatism cancels.

    In focus itself a thin specimen has no contrast, and the camera's own pattern lies where the shift is: then the lens
    is set aside by a known amount for these images, below or above, and back.
    Raises CalibrationError without a tilt response, NotMeasuredError where no pair can be compared.
    """
    needs_tilt(shots)
    start = shots.microscope.defocus_m()
    for tilt in _TILTS_RAD:
        aside = max(_ASIDE_M, _ASIDE_PX * shots.pixel_m / (2 * tilt))
        for offset in (0.0, -aside, aside):
            if shots.microscope.defocus_m() != start + offset:
                shots.microscope.set_defocus(start + offset)
            found = [moved for axis in AXES for moved in pair_along(shots, axis, tilt)]
            if len(found) == len(AXES):
                if offset:
                    shots.microscope.set_defocus(start)
                return sum(c1_of(moved, shots) for moved in found) / len(found) - offset
    raise NotMeasuredError(
        "Focus was not found: the images of beam tilt pairs could not be compared. Go nearer to focus or to a lower "
        "magnification, and to a place with contrast."
    )
