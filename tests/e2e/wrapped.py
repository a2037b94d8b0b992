"""Microscopes that break: each passes every call on to another one, and fails in one way. No mocks: what is behind is
the simulated microscope itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eucentric.microscope.protocol import Microscope

CALLS = (
    *("now_s", "wait", "presets", "preset", "set_preset", "beam_tilt_rad", "set_beam_tilt", "defocus_m", "set_defocus"),
    *("focus_m", "reset_defocus", "normalize", "image_shift_m", "set_image_shift", "stigmator", "set_stigmator"),
    *("stage", "move_stage", "acquire"),
)
"""Every call of the protocol."""


class Through:
    """Passes every call on; what is tested is changed in a subclass."""

    def __init__(self, inner: Microscope) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Counting(Through):
    """Counts the calls of the protocol, and does something at one of them (1 is the first) before it is made."""

    def __init__(self, inner: Microscope, at: int = 0, act: Callable[[], None] = lambda: None) -> None:
        super().__init__(inner)
        self.calls = 0
        self.names: list[str] = []
        self._at, self._act = at, act

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name not in CALLS:
            return found

        def counted(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            self.names.append(name)
            if self.calls == self._at:
                self._act()
            return found(*arguments, **options)

        return counted


class Dropping(Through):
    """One kind of set is silently dropped from the n-th on."""

    def __init__(self, inner: Microscope, method: str, after: int = 0) -> None:
        super().__init__(inner)
        self._method, self._left = method, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name != self._method:
            return found

        def dropped(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            return found(*arguments, **options) if self._left >= 0 else None

        return dropped
