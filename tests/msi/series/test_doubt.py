"""Which foci of a tilt series are believed: the one odd, both odd alike, both odd otherwise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import pytest

from eucentric.errors import LimitError
from eucentric.msi.series.doubt import doubted, odd
from eucentric.msi.series.geometry import Priors, Seen, TiltGeometry
from eucentric.msi.series.notes import Diary, TiltDoubted, TiltFocus, TiltTrusted
from eucentric.msi.series.taking import Series
from eucentric.msi.series.unit import _taken
from tests.msi.small import begun

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


def test_what_was_doubted_is_believed_only_where_the_other_side_confirmed_it(tmp_path: Path) -> None:
    """Also where the run ended before the other side was asked."""
    with begun(tmp_path) as journal:
        diary = Diary(journal, "Series 1")
        note = diary.write(_found(1e-6, 1))
        assert diary.believed(note)
        diary.write(TiltDoubted(note.number, 1, "It is odd."))
        assert not Diary(journal, "Series 1").believed(note)
        diary.write(TiltTrusted(note.number))
        assert Diary(journal, "Series 1").believed(note)


@pytest.mark.parametrize("left_deg", [(0, 3, -3, 6, -6, 9, -9, -12), (9, -9, 12, -12), (-12, 12)])
def test_a_limit_on_one_side_leaves_the_other(left_deg: tuple[int, ...]) -> None:
    """Beyond +8° no image shift reaches the feature; also where the series is taken up again beyond it."""
    taken: list[int] = []

    class Stub:
        first_rad, left = 0.0, tuple((k, math.radians(alpha)) for k, alpha in enumerate(left_deg))

        def take(self, number: int, alpha_rad: float) -> None:
            if alpha_rad > math.radians(8):
                raise LimitError("Beyond the image shift's limit.")
            taken.append(left_deg[number])

    assert "limit" in _taken(cast(Series, Stub())) or max(left_deg) <= 8
    assert taken == [alpha for alpha in left_deg if alpha <= 8]
