"""The call that script writers make: options read well, errors are sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eucentric
from eucentric.correlation.measure import measure_shift
from eucentric.correlation.shift import Method, Shift
from eucentric.errors import InputError
from tests.correlation.pairs import distance, shifted_pair
from tests.correlation.scenes import Lens, tilted_pair

PAIR = shifted_pair(0, (11.0, -23.0), shape=(128, 128), grain_px=1.5)
OPTICS: dict[str, Any] = {
    "pixel_m": 0.3e-9,
    "voltage_v": 200e3,
    "c3_m": 2.7e-3,
    "first_tilt": (0.0, -10e-3),
    "second_tilt": (0.0, 10e-3),
}


def sentence(text: str) -> bool:
    """Starts with a capital or a quoted word, ends with a full stop, says more than one thing."""
    return (text[0].isupper() or text[0] in "'\"") and text.rstrip().endswith(".") and len(text.split()) >= 6


def test_two_arrays_are_enough() -> None:
    found = eucentric.measure_shift(PAIR.reference, PAIR.moving)
    assert isinstance(found, Shift)
    assert found.method is Method.MATCHED
    assert distance(found.shift_px, PAIR.shift_px) < 0.3
    assert found.seconds > 0


@pytest.mark.parametrize("method", ["matched", "phase", "cross", Method.PHASE])
def test_methods_by_their_word(method: str) -> None:
    found = measure_shift(PAIR.reference, PAIR.moving, method=method)
    assert found.method == method
    assert distance(found.shift_px, PAIR.shift_px) < 0.5


def test_optics_take_the_coma_out() -> None:
    """At 10 mrad and Cs 2.7 mm the coma displaces the peak by more than half a pixel of 0.3 nm."""
    pair = tilted_pair(0, Lens())
    assert distance(measure_shift(pair.reference, pair.moving, **OPTICS).shift_px, pair.shift_px) < 0.05
    assert distance(measure_shift(pair.reference, pair.moving).shift_px, pair.shift_px) > 0.5


@pytest.mark.parametrize("missing", list(OPTICS))
def test_incomplete_optics_name_what_is_missing(missing: str) -> None:
    some = {name: value for name, value in OPTICS.items() if name != missing}
    with pytest.raises(InputError, match=missing) as raised:
        measure_shift(PAIR.reference, PAIR.moving, **some)
    assert sentence(str(raised.value))
    assert all(name not in str(raised.value) for name in some)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "mutual"}, "mutual.*matched"),
        ({"min_overlap": 0.0}, "overlap of 0 .*fraction"),
        ({"min_overlap": 1.5}, "overlap of 1.5"),
        ({**OPTICS, "pixel_m": 0.3}, "nm"),
        ({**OPTICS, "voltage_v": 200}, "kV"),
        ({**OPTICS, "c3_m": 2.7}, "mm"),
        ({**OPTICS, "first_tilt": (0.0, 10e-3)}, "same beam tilt"),
        ({**OPTICS, "first_tilt": (0.0, 10.0)}, "mrad"),
    ],
)
def test_impossible_options(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        measure_shift(PAIR.reference, PAIR.moving, **options)
    assert sentence(str(raised.value))


def nan(image: np.ndarray) -> np.ndarray:
    """The image with one pixel that is no number."""
    out = image.copy()
    out[3, 4] = np.nan
    return out


@pytest.mark.parametrize(
    ("moving", "says"),
    [
        (nan(PAIR.moving), "NaN"),
        (np.full((128, 128), 7.0), "the value 7 in all its pixels"),
        (PAIR.moving[None], "not rows and columns"),
        (PAIR.moving.astype(complex), "complex"),
        (PAIR.moving[:20, :20], "20 × 20"),
        (PAIR.moving[:100], "differ in size"),
        (np.array([["a"] * 40] * 40), "real numbers"),
    ],
)
def test_unusable_arrays(moving: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        measure_shift(PAIR.reference, moving)
    assert sentence(str(raised.value))


@pytest.mark.parametrize("kind", [list, tuple])
def test_nested_sequences_are_arrays_too(kind: type) -> None:
    rows = kind(kind(row) for row in PAIR.reference[:64, :64].tolist())
    found = measure_shift(rows, PAIR.reference[:64, :64])
    assert distance(found.shift_px, (0.0, 0.0)) < 0.05
