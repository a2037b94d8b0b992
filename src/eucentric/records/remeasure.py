"""A stored measurement made again from its images, with other settings. Nothing in the records is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pydantic import ValidationError

from eucentric.correlation.shift import Method
from eucentric.errors import GoneError, InputError
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep, Thresholds
from eucentric.focus.targets import at_centre
from eucentric.images.frame import Frame
from eucentric.records.kept import MeasurementDetails
from eucentric.records.reading import Records

_PLACE = "place on the tilted specimen"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be otherwise than it was; None: as it was. `tilt_scale` multiplies the tilts, `thresholds` by name."""

    method: Method | None = None
    c3_m: float | None = None
    tilt_scale: float = 1.0
    fit_limit_px2: float | None = None
    range_m: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, step: FocusStep) -> Changes:
        """As a step of other settings would measure and judge."""
        return cls(
            method=step.correlation_type,
            fit_limit_px2=step.fit_limit_px2,
            range_m=step.delta_max_m,
            thresholds=step.thresholds.model_dump(),
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is kept of a measurement, with its images: read once, because the oldest images may be removed to make
    room at any time.
    """

    details: MeasurementDetails
    frames: tuple[Frame, ...]

    @classmethod
    def of(cls, records: Records, measurement_id: int) -> Self:
        """Raises InputError for an unknown number, GoneError where its images are not there."""
        details, found = records.measurement(measurement_id), records.frames(measurement_id)
        if found.why_not is not None:
            raise GoneError(f"The images of measurement {measurement_id} are not there. {found.why_not}")
        return cls(details, found.frames)

    def again(self, changes: Changes = Changes()) -> DefocusResult:
        """As `remeasured`."""
        why = why_not_again(self.details)
        if why is not None:
            raise InputError(why)
        details = self.details
        assert details.how is not None
        assert details.result is not None
        how, scale = changed(details.how, changes), changes.tilt_scale
        tilts = tuple((y * scale, x * scale) for y, x in details.result.exposures.tilts)
        return _placed(measure_frames(self.frames, tilts, details.links, how), details)


def why_not_again(details: MeasurementDetails) -> str | None:
    """Why a measurement can't be made again whatever becomes of its images, and what to do; None where it can."""
    number = details.row.id
    if details.result is None:
        return f"Measurement {number} can't be made again: it was cut off before it was measured. Choose another one."
    if details.how is None:
        return (
            f"Measurement {number} can't be made again: it was made by tilting the stage, and what was believed of the "
            "lens then is not kept. Measure anew with the other settings; its images are in the run folder that "
            f"eucentric records export {details.row.run_id} FOLDER makes."
        )
    return None


def remeasured(records: Records, measurement_id: int, changes: Changes = Changes()) -> DefocusResult:
    """The measurement from its stored images. With no changes it gives what it gave, but for what other measurements
    of its run said (a second look, what a correction should have left): each stands for itself here.

    Raises InputError where it was cut off, or the stage was tilted for it, GoneError where its images are not there.
    """
    why = why_not_again(records.measurement(measurement_id))
    if why is not None:
        raise InputError(why)
    return Whole.of(records, measurement_id).again(changes)


def changed(how: How, changes: Changes) -> How:
    """How it is measured then. Raises InputError for a threshold beyond its bounds."""
    column = how.column if changes.c3_m is None else replace(how.column, c3_m=changes.c3_m)
    fit = how.fit_limit_px2 if changes.fit_limit_px2 is None else changes.fit_limit_px2
    reach = how.range_m if changes.range_m is None else changes.range_m
    return replace(
        how,
        column=column,
        method=changes.method or how.method,
        thresholds=_thresholds(how.thresholds, changes.thresholds),
        fit_limit_px2=fit,
        range_m=reach,
    )


def _thresholds(before: Thresholds, changes: Mapping[str, float]) -> Thresholds:
    values: dict[str, Any] = {**before.model_dump(), **changes}
    try:
        return Thresholds.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{name} can't be {first['input']}: {first['msg']}.") from error


def _placed(result: DefocusResult, details: MeasurementDetails) -> DefocusResult:
    """Told for the preset's centre, as the first time, where the target lay elsewhere on a tilted specimen."""
    before = details.result
    if before is None or before.height_m == 0.0:
        return result
    sigma = next((part.sigma_m for part in before.measurement.budget if part.source == _PLACE), 0.0)
    return at_centre(result, before.height_m, sigma)
