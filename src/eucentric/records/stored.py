"""Measurements read back from a run folder, ready to be measured again. The folder is only read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eucentric.errors import InputError
from eucentric.focus.how import How
from eucentric.focus.patterns import Link
from eucentric.focus.settings import FocusSettings
from eucentric.focus.toml import read_settings
from eucentric.images.files import read_frame
from eucentric.images.frame import Frame, OpticalState
from eucentric.optics.aberrations import Tilt

_HOW = TypeAdapter(How)
_STATE = TypeAdapter(OpticalState)
_MOVES = frozenset({"StepStarted", "Corrected", "TakenBack", "Stigmated", "DefocusReset"})
"""After these events focus is not what it was before."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One measurement by beam tilt: its images (JSON of the frame, with the file's name), compared by `links`.

    Measurements of one `stretch` were made at one place with nothing corrected between them.
    """

    folder: Path
    number: int
    step: str
    target: str
    stretch: int
    images: tuple[dict[str, Any], ...]
    links: tuple[Link, ...]
    how: How

    @property
    def tilts(self) -> tuple[Tilt, ...]:
        """The tilts (y, x) of the images from the coma-free axis, rad."""
        return tuple((float(y), float(x)) for y, x in (image["state"]["tilt_rad"] for image in self.images))

    @property
    def time_s(self) -> float:
        """When its first image was taken, s on the microscope's clock."""
        return float(self.images[0]["time_s"])

    def frames(self, *indices: int) -> tuple[Frame, ...]:
        """The images from their files; all of them, or those of these indices. Raises InputError."""
        return tuple(self._frame(self.images[i]) for i in indices or range(len(self.images)))

    def _frame(self, image: dict[str, Any]) -> Frame:
        frame = read_frame(self.folder / image["file"])
        told = {name: image[name] for name in ("pixel_m", "time_s", "exposure_s", "dose_e_per_m2", "saturation")}
        return replace(frame, state=_STATE.validate_python(image["state"]), **told)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The measurements of a run folder, its instrument and its settings. `left_out` counts those that can't be used:
    without images, or not by beam tilt."""

    folder: Path
    instrument: str
    settings: FocusSettings
    measurements: tuple[Stored, ...]
    left_out: int = 0


def read_run(folder: Path) -> StoredRun:
    """What a run folder holds, complete or broken off. Raises InputError where it is none, or damaged."""
    path = folder / "events.jsonl"
    if not path.is_file():
        raise InputError(
            f"{folder} is no run folder: it has no events.jsonl. Give one that `eucentric tune` or `focus` made."
        )
    reading = _Reading(folder)
    for number, event in enumerate(_events(path), start=1):
        try:
            reading.take(event)
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise InputError(
                f"Line {number} of {path} is not what this version writes ({type(error).__name__}). Measure anew."
            ) from error
    settings = read_settings(folder / "settings.toml")
    return StoredRun(folder, reading.instrument, settings, tuple(reading.measurements), reading.left_out)


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
    """Collects the events of a run into measurements."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stretch = 0
        self._images: dict[int, list[dict[str, Any]]] = {}
        self._links: dict[int, list[Link]] = {}
        self.instrument = ""
        self.measurements: list[Stored] = []
        self.left_out = 0

    def take(self, event: dict[str, Any]) -> None:
        """One event, as the run folder wrote it."""
        kind = event["event"]
        if kind == "RunStarted":
            self.instrument = str(event["instrument"])
        elif kind in _MOVES:
            self._stretch += 1
        elif kind == "FrameTaken":
            self._images.setdefault(event["measurement"], []).append(event["frame"])
        elif kind == "ShiftFound":
            first, second = event["link"]
            self._links.setdefault(event["measurement"], []).append((int(first), int(second)))
        elif kind == "Measured":
            self._measured(event)

    def _measured(self, event: dict[str, Any]) -> None:
        number, how = int(event["measurement"]), event["result"].get("how")
        images, links = self._images.pop(number, []), self._links.pop(number, [])
        there = bool(links) and all((self._folder / image["file"]).is_file() for image in images)
        if how is None or not there:
            self.left_out += 1
            return
        self.measurements.append(
            Stored(
                folder=self._folder,
                number=number,
                step=str(event["step"]),
                target=str(event["target"]),
                stretch=self._stretch,
                images=tuple(images),
                links=tuple(links),
                how=_HOW.validate_python(how),
            )
        )
