"""A microscope that shows again what it showed before: a run can be broken off at each of its calls within seconds.

Everything but the camera is the simulated microscope itself. The images are those of an unbroken run from the same
state; `register` is a pure function, and what it found for two images is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from eucentric.correlation.shift import Shift
from eucentric.images.frame import Frame
from eucentric.microscope.protocol import Microscope
from tests.e2e.wrapped import Through


class Recording(Through):
    """Keeps every image, and how long it took on the microscope's clock."""

    def __init__(self, inner: Microscope) -> None:
        super().__init__(inner)
        self.film: list[tuple[Frame, float]] = []

    def acquire(self) -> Frame:
        before = self.inner.now_s()
        frame = self.inner.acquire()
        self.film.append((frame, self.inner.now_s() - before))
        return frame


class Replaying(Through):
    """Shows the images of a recording in their order."""

    def __init__(self, inner: Microscope, film: list[tuple[Frame, float]]) -> None:
        super().__init__(inner)
        self._film = iter(film)

    def acquire(self) -> Frame:
        frame, seconds = next(self._film)
        self.inner.wait(seconds)
        return frame


def kept(register: Callable[..., Shift]) -> Callable[..., Shift]:
    """`register`, computed once for each pair of images and options."""
    known: dict[tuple[str, str, str], Shift] = {}

    def again(reference: np.ndarray, moving: np.ndarray, **options: Any) -> Shift:
        one, two = (hashlib.blake2b(np.ascontiguousarray(pixels), digest_size=16) for pixels in (reference, moving))
        key = (one.hexdigest(), two.hexdigest(), repr(sorted(options.items())))
        if key not in known:
            known[key] = register(reference, moving, **options)
        return known[key]

    return again
