"""The command `eucentric run` in a process that may be killed, on an instrument that lives in another one."""

from __future__ import annotations

import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from benchmarks.apart import Door, connected
from eucentric.cli.main import run
from eucentric.microscope import registry
from eucentric.microscope.protocol import Microscope

COMPLETE = (0, 3)
"""Exit codes of a command that says it is complete."""
UNUSABLE = 2


def drive(door: Door, folder: Path, application: str) -> None:
    """Begin a session of an application (TOML), or go on with it: as a user's command does, from opening to report.

    The registry knows no instrument in another process, so what it opens is put in place: nothing else is.
    """

    def opened(_name: str, **_options: object) -> Microscope:
        return connected(door)

    lines, file = folder / "journal.jsonl", folder.with_name("application.toml")
    if lines.is_file() and lines.stat().st_size:
        words = ["--resume", str(folder)]
    else:  # killed before it began: nothing had moved
        shutil.rmtree(folder, ignore_errors=True)
        file.write_text(application, encoding="utf-8")
        words = ["--application", str(file), "--out", str(folder)]
    with (
        said(folder, os.getpid()).open("w", encoding="utf-8") as told,
        redirect_stdout(told),
        redirect_stderr(told),
        patch.object(registry, "open_microscope", opened),
    ):
        run(["run", *words])


def said(folder: Path, pid: int) -> Path:
    """Where the words of a process are."""
    return folder.with_name(f"said-{pid}.txt")
