"""What the tests of the guard stand on."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _ctrl_c_works() -> Iterator[None]:
    """A shell that starts a job in the background lets it ignore Ctrl-C; the tests of interrupts need it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
