"""A run folder: all that happened in a run, written as it happens.

    events.jsonl      one event a line, flushed at each
    settings.toml     the settings as they were run: eucentric focus --settings settings.toml
    pairs/            the images of the measurements as MRC: number, step, place in the pattern
    others/           images by hand and final images as MRC, made with the first one
    result.json       how it ended (missing when the run broke off: then the last line of events.jsonl says why)

The folder is an observer of the sequence. It never writes over what is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from eucentric.errors import InputError
from eucentric.focus import events
from eucentric.focus.outcome import RunResult
from eucentric.focus.settings import FocusSettings
from eucentric.focus.toml import to_toml
from eucentric.images.files import write_frame
from eucentric.records.plain import plain

_TRIES = 1000


def new_folder(parent: Path, name: str) -> Path:
    """Make a new folder `name` in `parent`; where it exists, `name-2`, `name-3`, … Raises InputError if it can't."""
    for number in range(1, _TRIES):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(
                f"The run folder {folder} can't be made: {error.strerror}. Choose another place."
            ) from error
        return folder
    raise InputError(f"{parent} is full of runs named {name}. Choose another place.")


def empty_folder(folder: Path) -> Path:
    """`folder`, made if it is missing. Raises InputError when it holds something: nothing is written over."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The run folder {folder} can't be made: {error.strerror}. Choose another place.") from error
    check_free(folder)
    return folder


def check_free(folder: Path) -> None:
    """Raise InputError when `folder` is there and holds something, or is none."""
    try:
        held = next(folder.iterdir(), None) if folder.exists() else None
    except OSError as error:
        raise InputError(f"The run folder {folder} can't be made: {error.strerror}. Choose another place.") from error
    if held is not None:
        raise InputError(f"The folder {folder} already holds {held.name}. Choose a new one: nothing is written over.")


class RunFolder:
    """Writes a run into an empty folder. Use it as a context manager, and as an observer of the sequence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_hand = self._final = 0
        with self._told():
            (folder / "pairs").mkdir()
            self._lines: TextIO = (folder / "events.jsonl").open("x", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # each line was flushed, or its failure was told
            self._lines.close()

    def __call__(self, event: events.Event) -> None:
        """Write one event; images go to files, and the line names them. Raises InputError when it can't."""
        with self._told():
            self._keep(event)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"The run folder {self.folder} can't be written: {error.strerror or error}. "
                "Make room, or choose another place."
            ) from error

    def _keep(self, event: events.Event) -> None:
        body: dict[str, Any] = {"event": type(event).__name__, **plain(event)}
        if isinstance(event, events.RunStarted):
            settings = event.settings or FocusSettings(sequence=event.sequence)
            with (self.folder / "settings.toml").open("x", encoding="utf-8") as file:
                file.write(to_toml(settings, explained=False))
        if isinstance(event, events.RunEnded):
            self._write("result.json", {**plain(event.result), **ending(event.result)})
        name = self._name(event)
        frame = getattr(event, "frame", None)
        if name is not None and frame is not None:
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            write_frame(path, frame)
            body["frame"]["file"] = name
        self._lines.write(json.dumps(body, allow_nan=False, ensure_ascii=False) + "\n")
        self._lines.flush()

    def _name(self, event: events.Event) -> str | None:
        """The file of an event's image, below the run folder; None for an event without one."""
        if isinstance(event, events.FrameTaken):
            return f"pairs/{event.measurement:03d}-{event.step}-{event.index}.mrc"
        if isinstance(event, events.ByHand):
            self._by_hand += event.frame is not None
            return f"others/by-hand-{self._by_hand:03d}-{event.step}.mrc"
        if isinstance(event, events.FinalTaken):
            self._final += 1
            return f"others/final-{self._final:03d}.mrc"
        return None

    def _write(self, name: str, body: Any) -> None:
        with (self.folder / name).open("x", encoding="utf-8") as file:
            json.dump(body, file, allow_nan=False, ensure_ascii=False, indent=2)


def ending(result: RunResult) -> dict[str, Any]:
    """What a run says at its end, plain."""
    return {
        "focused": result.focused,
        "stated_error_m": plain(result.stated_error_m),
        "dose_e_per_m2": plain(result.dose_e_per_m2),
        "statement": result.statement,
    }
