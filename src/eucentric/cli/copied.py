"""Settings copied to a file of the operator's own."""

from __future__ import annotations

from pathlib import Path

from eucentric.errors import InputError


def check_toml(path: Path, what: str) -> None:
    """Raise InputError where the name is not that of a TOML file."""
    if path.suffix.lower() != ".toml":
        better = path.with_suffix(".toml") if path.name else "mine.toml"
        raise InputError(f"{what} are kept in TOML, and '{path}' does not say so. Write for example {better}")


def copy_to(path: Path, text: str, what: str) -> None:
    """Write `text` to a new TOML file; `what` names its kind ("Settings"). Nothing is written over: InputError."""
    check_toml(path, what)
    try:
        with path.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError as error:
        raise InputError(f"There is already a file {path}, and nothing is written over. Give another name.") from error
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}. Give another place.") from error
