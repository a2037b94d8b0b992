"""The bar while many jobs are done, and how a command ends that was stopped in between."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from eucentric.cli.progress import counting, time_left
from eucentric.cli.stopped import Stopped, raise_if_stopped
from eucentric.errors import InputError


def test_the_time_that_is_left_goes_on_as_it_did() -> None:
    """50 of 200 took 100 s: 150 take 300 s, of which 20 have gone by."""
    assert time_left(50, 200, 100.0) == "5 min 0 s left"
    assert time_left(50, 200, 100.0, 20.0) == "4 min 40 s left"
    assert time_left(1, 1000, 10.0) == "2 h 46 min left"
    assert time_left(199, 200, 398.0) == "2 s left"
    assert time_left(1, 2, 1.0, 50.0) == "0 s left"
    assert time_left(0, 200, 100.0) == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_for_terminals(terminal: bool) -> None:
    out = io.StringIO()
    with counting(Console(file=out, force_terminal=terminal, width=120), "trials", 4) as count_one:
        count_one("1 within 100 nm")
    shown = ("trials", "1/4", "1 within 100 nm", "left")
    assert all(text in out.getvalue() for text in shown) if terminal else out.getvalue() == ""
    quiet = io.StringIO()
    with counting(Console(file=quiet, force_terminal=terminal, quiet=True), "trials", 4) as count_one:
        count_one("")
    assert quiet.getvalue() == ""


def test_a_command_that_was_stopped_tells_how_far_it_came() -> None:
    raise_if_stopped("", 200, 200, "trials", by_user=False)
    with pytest.raises(Stopped, match="Stopped: 37 of 200 trials were done"):
        raise_if_stopped("Stopped", 37, 200, "trials", by_user=True)
    with pytest.raises(InputError, match="gone away: 37 of 200"):
        raise_if_stopped("The cluster has gone away", 37, 200, "trials", by_user=False)
