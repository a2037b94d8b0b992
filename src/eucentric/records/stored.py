"""Measurements as they were kept, in the records or in a run folder, ready to be measured again. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from eucentric.errors import InputError
from eucentric.focus.how import How
from eucentric.focus.patterns import Link
from eucentric.focus.settings import FocusSettings
from eucentric.focus.toml import read_settings
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame, OpticalState
from eucentric.optics.aberrations import Tilt
from eucentric.records.kept import KeptMeasurement, Wanted
from eucentric.records.reading import Records
from eucentric.records.unplain import made

_MOVES = frozenset({"StepStarted", "Corrected", "TakenBack", "Stigmated", "DefocusReset"})
"""After these events focus is not what it was before."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One measurement by beam tilt: tilts (y, x) of its images from the coma-free axis, compared by `links`; when the
    first one was taken; and what it was measured with. `read` gets its images.

    Measurements of one `stretch` were made with nothing corrected between them. `source` says where they are kept.
    """

    source: str
    step: str
    target: str
    stretch: int
    tilts: tuple[Tilt, ...]
    time_s: float
    links: tuple[Link, ...]
    how: How
    read: Callable[[], tuple[Frame, ...]]

    def frames(self) -> tuple[Frame, ...]:
        """The images. Raises InputError where they can't be read."""
        return self.read()


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The measurements of a run, its instrument and its settings. `left_out` counts those that can't be used: without
    images, or not by beam tilt."""

    source: str
    instrument: str
    settings: FocusSettings
    measurements: tuple[Stored, ...]
    left_out: int = 0


def run_in_records(records: Records, run_id: int) -> StoredRun:
    """A run in the records, which must stay open for its images to be read. Raises InputError for an unknown number."""
    run, settings = records.run(run_id), records.run_details(run_id).settings
    found: list[Stored] = []
    left_out = stretch = 0
    before: KeptMeasurement | None = None
    for row in records.measurements(Wanted(run=run_id)):
        moved = before is not None and (before.moved is not None or before.stigmator != row.stigmator)
        stretch += moved or (before is not None and before.step != row.step)
        before = row
        one = _recorded(records, row, stretch)
        found, left_out = ([*found, one], left_out) if one is not None else (found, left_out + 1)
    return StoredRun(f"run {run_id}", run.instrument, settings, tuple(found), left_out)


def _recorded(records: Records, row: KeptMeasurement, stretch: int) -> Stored | None:
    details = records.measurement(row.id)
    if details.how is None or details.result is None or not 0 < row.images == row.images_kept:
        return None
    return Stored(
        source=f"run {row.run_id}",
        step=row.step,
        target=row.target,
        stretch=stretch,
        tilts=details.result.exposures.tilts,
        time_s=details.result.exposures.times_s[0],
        links=details.links,
        how=details.how,
        read=partial(_frames, records, row.id),
    )


def _frames(records: Records, measurement_id: int) -> tuple[Frame, ...]:
    found = records.frames(measurement_id)
    if found.why_not is not None:
        raise InputError(f"The images of measurement {measurement_id} can't be read: {found.why_not}")
    return found.frames


def run_in_folder(folder: Path) -> StoredRun:
    """What a run folder holds, complete or broken off. Raises InputError where it is none, or damaged."""
    path = folder / "events.jsonl"
    if not path.is_file():
        raise InputError(
            f"{folder} is no run folder: it has no events.jsonl. Give the number of a run (eucentric records list), or "
            "a folder that `eucentric records export` made."
        )
    reading = _Reading(folder)
    for number, event in enumerate(_events(path), start=1):
        try:
            reading.take(event)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Line {number} of {path} is not what this version writes ({type(error).__name__}). Measure anew."
            ) from error
    settings = read_settings(folder / "settings.toml")
    return StoredRun(str(folder), reading.instrument, settings, tuple(reading.measurements), reading.left_out)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that are whole: of a run that was killed the last one may not be."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise InputError(f"Line {number} of {path} is damaged. Copy the folder again.") from error


class _Reading:
    """Collects the events of a run folder into measurements."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stretch = 0
        self._images: dict[int, list[dict[str, Any]]] = {}
        self._links: dict[int, list[Link]] = {}
        self._how: dict[int, How] = {}
        self.instrument = ""
        self.measurements: list[Stored] = []
        self.left_out = 0

    def take(self, event: dict[str, Any]) -> None:
        """One event, as the run folder has it."""
        kind = event["event"]
        if kind == "RunStarted":
            self.instrument = str(event["instrument"])
        elif kind in _MOVES:
            self._stretch += 1
        elif kind == "FrameTaken":
            self._images.setdefault(event["measurement"], []).append(event["frame"])
        elif kind == "Assumed" and event["how"] is not None:
            self._how[event["measurement"]] = made(How, event["how"])
        elif kind == "ShiftFound":
            first, second = event["link"]
            self._links.setdefault(event["measurement"], []).append((int(first), int(second)))
        elif kind == "Measured":
            self._measured(event)

    def _measured(self, event: dict[str, Any]) -> None:
        number = int(event["measurement"])
        how, images, links = self._how.pop(number, None), self._images.pop(number, []), self._links.pop(number, [])
        there = bool(images) and all(one["file"] and (self._folder / one["file"]).is_file() for one in images)
        if how is None or not there or not links:
            self.left_out += 1
            return
        self.measurements.append(
            Stored(
                source=str(self._folder),
                step=str(event["step"]),
                target=str(event["target"]),
                stretch=self._stretch,
                tilts=tuple((float(y), float(x)) for y, x in (one["state"]["tilt_rad"] for one in images)),
                time_s=float(images[0]["time_s"]),
                links=tuple(links),
                how=how,
                read=partial(_from_files, self._folder, tuple(images)),
            )
        )


def _from_files(folder: Path, images: tuple[dict[str, Any], ...]) -> tuple[Frame, ...]:
    return tuple(_from_file(folder, image) for image in images)


def _from_file(folder: Path, image: dict[str, Any]) -> Frame:
    frame = read_frame(folder / image["file"])
    told = {name: image[name] for name in ("pixel_m", "time_s", "exposure_s", "dose_e_per_m2", "saturation")}
    return replace(frame, state=made(OpticalState, image["state"]), **told)
