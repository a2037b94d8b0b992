"""Commands that a message suggests, with the options that the user gave: to be run as they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eucentric.cli.bench import STORE
from eucentric.errors import CalibrationError, EucentricError

_COMMAND = re.compile(
    r"eucentric calibrate [a-z][a-z-]*(?: --preset [^\s`'\"(),;]*[^\s`'\"(),;.])?(?! --)(?=[\s`'\"(),;.]|$)"
)


def given_options(*, microscope: str = "simulated", seed: int = 0, store: Path = STORE) -> str:
    """What differs from the defaults, as it is typed; "" where nothing does."""
    given = (
        ("--microscope", microscope, "simulated"),
        ("--seed", str(seed), "0"),
        ("--store", str(store), str(STORE)),
    )
    return " ".join(f"{name} {shlex.quote(value)}" for name, value, usual in given if value != usual)


def calibrate_all(store: Path, *, microscope: str, seed: int) -> str:
    """The command that fills a folder with the instrument's calibrations."""
    return with_options("eucentric calibrate all", given_options(microscope=microscope, seed=seed, store=store))


def check_store(store: Path, *, microscope: str, seed: int) -> None:
    """Raise CalibrationError where the folder with calibrations that was named is not there."""
    if not store.is_dir():
        command = calibrate_all(store, microscope=microscope, seed=seed)
        raise CalibrationError(f"There is no folder {store} with calibrations. Make them: {command}")


def with_options(text: str, options: str) -> str:
    """The text, each `eucentric calibrate …` in it with these options, unless it has some already."""
    return _COMMAND.sub(lambda found: f"{found.group()} {options}", text) if options else text


@contextmanager
def suggesting(options: str) -> Iterator[None]:
    """Whatever error is raised inside suggests commands with these options."""
    try:
        yield
    except EucentricError as error:
        error.args = tuple(with_options(a, options) if isinstance(a, str) else a for a in error.args)
        if hasattr(error, "__notes__"):
            error.__notes__ = [with_options(note, options) for note in error.__notes__]
        raise
