"""The command itself: help, version, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import eucentric
from eucentric.cli.main import PIPE_CLOSED, run


def ended(arguments):
    with pytest.raises(SystemExit) as end:
        run(arguments)
    return end.value.code


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_the_commands(capsys, arguments):
    assert ended(arguments) == 0
    text = capsys.readouterr().out
    for word in ("measure", "plan", "eucentric focus"):
        assert word in text


def test_version(capsys):
    assert ended(["--version"]) == 0
    assert capsys.readouterr().out == f"eucentric {eucentric.__version__}\n"


@pytest.mark.parametrize("arguments", [["frobnicate"], ["--frobnicate"], ["plan", "--frobnicate"], ["measure"]])
def test_what_is_not_known_ends_with_a_sentence(capsys, arguments):
    assert ended(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_reader_that_goes_away_leaves_no_traceback():
    command = "from eucentric.cli.main import run; run(['plan', '--json'])"
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=60) == PIPE_CLOSED
    assert errors == b""


def test_starting_loads_no_plotting_and_no_numbers():
    command = "import sys, eucentric.cli.main; print([m for m in ('matplotlib', 'scipy', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_an_old_console_gets_a_likeness():
    command = "from eucentric.cli.main import _let_any_console_print as f; f(); print('−1 µm ± 2, χ²'); print('✓')"
    done = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.split() == [b"-1", b"um", b"+-", b"2,", b"chi2", b"?"]
