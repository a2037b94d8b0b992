"""A place is visible where it is bright in the image in which it was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eucentric.images.frame import Frame
from eucentric.msi.outcome import Status
from eucentric.msi.visible import LEAST, brightness
from tests.e2e.wrapped import Through
from tests.msi.small import SMALL, opened, run


def _image(rng: np.random.Generator, middle: float, rest: float) -> np.ndarray[Any, Any]:
    """Electrons in 256² pixels, 100 × 100 of them in the middle."""
    mean = np.full((256, 256), rest)
    mean[78:178, 78:178] = middle
    return rng.poisson(mean) + rng.normal(0, 0.1, mean.shape)


@pytest.mark.parametrize(
    ("middle", "rest", "seen"),
    [(300, 300, True), (100, 300, True), (0, 300, False), (0, 0, False), (300, 0, True), (0.3, 0.3, True)],
    ids=["film", "thick", "bar", "no beam", "a window", "few electrons"],
)
def test_film_is_seen_and_bars_are_not(middle: float, rest: float, seen: bool) -> None:
    check = brightness(_image(np.random.default_rng(1), middle, rest), 80)
    assert check.met is seen
    assert bool(check.remedy) is not seen
    assert check.limit == LEAST


def test_z_focus_on_a_bar_is_refused_before_an_electron_is_spent_on_it(tmp_path: Path) -> None:
    class OnABar(Through):
        def acquire(self) -> Frame:
            frame: Frame = self.inner.acquire()
            if self.inner.preset().name == "sq":
                frame.pixels[64:192, 64:192] = 0
            return frame

    microscope = opened()
    result = run(tmp_path, microscope, SMALL, through=OnABar(microscope))
    told = next(o for o in result.outcomes if o.node == "Z Focus")
    assert told.status is Status.REFUSED
    assert "It needs brightness 0 (at least 0.1). It is dark there" in told.why
    assert told.focus_exposures == 0
