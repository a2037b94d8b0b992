"""Which foci of a tilt series are believed: the one odd, both odd alike, both odd otherwise."""

from __future__ import annotations

import math

import pytest

from eucentric.msi.series.doubt import doubted, odd
from eucentric.msi.series.geometry import Priors, Seen, TiltGeometry
from eucentric.msi.series.notes import TiltFocus

FILM_M, OWN_M = 50e-9, 8e-9
AT = math.radians(3)
GEOMETRY = TiltGeometry(Priors(lens_m=0.0, lens_sigma_m=50e-9, height_m=0.3e-6, film_odd_m=FILM_M)).with_seen(
    *(Seen("lens", math.radians(k), 0.0, OWN_M, k, side) for k, side in ((0, 1), (1, -1), (2, -1)))
)
"""Focus was found at 0, 1 and 2°, on both sides, each time where the lens stands at 0."""


def _found(lens_m: float | None, side: int) -> TiltFocus:
    return TiltFocus(9, AT, side, lens_m, OWN_M, 0.0)


def test_what_was_predicted_is_not_odd_and_an_ice_particle_is() -> None:
    sigma_m = math.hypot(GEOMETRY.lens(AT, 9, 1).sigma_m, OWN_M)
    assert not odd(GEOMETRY, _found(4.9 * sigma_m, 1))
    assert odd(GEOMETRY, _found(5.5 * sigma_m, 1))
    assert odd(GEOMETRY, _found(-1e-6, -1))
    assert not odd(GEOMETRY, _found(None, 1))


@pytest.mark.parametrize(
    ("lenses_m", "not_believed"),
    [
        ((20e-9, None), ()),  # the second one was refused, the first was not odd
        ((1e-6, 10e-9), (0,)),  # the other side is where it was predicted
        ((1e-6, None), (0,)),  # nothing confirms it
        ((1.0e-6, 1.1e-6), ()),  # both alike: the prediction was wrong
        ((1e-6, -1e-6), (0, 1)),
    ],
)
def test_two_that_agree_are_believed_against_the_prediction(
    lenses_m: tuple[float | None, float | None], not_believed: tuple[int, ...]
) -> None:
    found = [_found(lens_m, side) for lens_m, side in zip(lenses_m, (1, -1), strict=True)]
    said = doubted(GEOMETRY, found)
    assert [note for note, _ in said] == [found[k] for k in not_believed]
    assert all("from what was predicted" in why for _, why in said)
