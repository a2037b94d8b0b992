"""Where a run folder goes: a new one, or an empty one; nothing is written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eucentric.errors import InputError
from eucentric.focus.outcome import RunResult
from eucentric.records.kept import KeptRun
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


def ending(run: RunResult | KeptRun) -> dict[str, Any]:
    """What a run says at its end, plain: from its result, or as it is kept."""
    return {
        "focused": run.focused,
        "stated_error_m": plain(run.stated_error_m),
        "dose_e_per_m2": plain(run.dose_e_per_m2),
        "statement": run.statement,
    }
