"""A stored measurement made again from its images, with other settings. Nothing in the records is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusStep, Thresholds
from eucentric.focus.targets import at_centre
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


def remeasured(records: Records, measurement_id: int, changes: Changes = Changes()) -> DefocusResult:
    """The measurement from its stored images. With no changes it gives what it gave, but for what other measurements
    of its run said (a second look, what a correction should have left): each stands for itself here.

    Raises InputError where its images are not there, it was cut off, or the stage was tilted for it.
    """
    details = records.measurement(measurement_id)
    if details.how is None or details.result is None:
        why = "it was cut off before it was measured" if details.result is None else "it was made by tilting the stage"
        raise InputError(f"Measurement {measurement_id} can't be made again: {why}. Choose another one.")
    frames = records.frames(measurement_id)
    if frames.why_not is not None:
        raise InputError(
            f"Measurement {measurement_id} can't be made again: its images are not there. {frames.why_not}"
        )
    how = changed(details.how, changes)
    scale = changes.tilt_scale
    tilts = tuple((y * scale, x * scale) for y, x in details.result.exposures.tilts)
    return _placed(measure_frames(frames.frames, tilts, details.links, how), details)


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
