"""What is repaired, what is left alone, and which images can't be used."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.errors import InputError
from eucentric.images.check import SMALLEST_SIDE
from eucentric.images.prepare import as_image, prepare

MEAN = 40.0
SHAPE = (200, 240)


def counts(seed: int = 0, light: NDArray[np.float64] | float = 1.0, dose: float = MEAN) -> NDArray[np.float32]:
    """Poisson counts, `dose` per pixel where the light is 1."""
    expected = np.broadcast_to(np.asarray(light, float), SHAPE) * dose
    return np.random.default_rng(seed).poisson(expected).astype(np.float32)


def disc(centre: tuple[float, float], radius: float, soft: float = 1.0) -> NDArray[np.float64]:
    """1 inside, 0 outside."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray(0.5 - 0.5 * np.tanh((np.hypot(y - centre[0], x - centre[1]) - radius) / soft))


def test_counts_are_left_as_they_are() -> None:
    """No outlier among 48000 Poisson counts: the chance of one beyond 7σ and its neighbours is 1e-5."""
    image = counts()
    ready = prepare(image)
    assert (ready.values == image).all()
    assert ready.values.dtype == np.float32
    assert ready.lit is None
    assert ready.lit_fraction == 1.0
    assert ready.positive
    assert ready.shape == SHAPE
    # The mean may be taken from a sample: a thousand pixels and more, 5σ of them.
    assert ready.mean == pytest.approx(MEAN, abs=5 * np.sqrt(MEAN / 1000))


@pytest.mark.parametrize("height", [200.0, 1000.0, 60000.0, -200.0])
def test_single_spikes_are_removed(height: float) -> None:
    """Alone, on an edge, in a corner, two side by side: replaced by what is around them, nothing else touched."""
    image = counts() + 500  # a dark level, so that a negative spike is a count too
    at = ([50, 0, 199, 120, 120], [60, 30, 239, 90, 91])
    spoilt = image.copy()
    spoilt[at] += height
    ready = prepare(spoilt)
    assert np.abs(ready.values[at] - image.mean()).max() < 6 * np.sqrt(MEAN)  # a median of neighbours: within 6σ
    rest = np.ones(SHAPE, bool)
    rest[at] = False
    assert (ready.values[rest] == image[rest]).all()


def test_spikes_do_not_hide_each_other() -> None:
    """Strong ones widen the spread by which weak ones are judged; weak ones (30σ) must go too."""
    image = counts()
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(SHAPE[0])[:40], rng.permutation(SHAPE[1])[:40]
    spoilt = image.copy()
    spoilt[rows[:10], columns[:10]] += 50000
    spoilt[rows[10:], columns[10:]] += 200
    ready = prepare(spoilt)
    assert ready.values.max() < MEAN + 8 * np.sqrt(MEAN)


def test_caller_keeps_the_array() -> None:
    image = counts()
    image[10, 10] = 1e5
    before = image.copy()
    prepare(image)
    assert (image == before).all()


@pytest.mark.parametrize("strength", [-0.9, 4.0, 20.0])
def test_extended_features_keep_their_pixels(strength: float) -> None:
    """Gold, holes, ice: however strong, features of five pixels and more across are no outliers.

    Only a pixel at a tip, most of whose neighbours are outside, may be taken for one: a few around a hard-edged disc.
    """
    inside = np.zeros(SHAPE, bool)
    for centre, radius in (((40, 60), 2.5), ((100, 100), 4.0), ((150, 200), 12.0)):
        inside |= disc(centre, radius) > 0.5
    image = counts(light=1 + strength * inside)
    changed = prepare(image).values != image
    assert changed.sum() <= 0.05 * inside.sum()
    assert not changed[40, 60]
    assert not changed[disc((100, 100), 2.0) > 0.5].any()
    assert not changed[disc((150, 200), 10.0) > 0.5].any()


def test_a_bar_keeps_its_pixels() -> None:
    light = np.ones(SHAPE)
    light[90:110] = 0.02
    image = counts(light=light)
    assert (prepare(image).values == image).all()


def test_lit_part_of_a_disc() -> None:
    """Weights are 0 wherever it is dark; the fraction is below the disc's own."""
    light = disc((100, 110), 85)
    ready = prepare(counts(light=light + 1e-3))
    assert ready.lit is not None
    assert ready.lit.shape == SHAPE
    assert ready.lit.dtype == np.float32
    assert ready.lit.min() >= 0
    assert ready.lit.max() <= 1
    assert ready.lit[light < 0.1].max() < 1e-6
    assert ready.lit[100, 110] > 0.9
    assert 0.1 < ready.lit_fraction < light.mean()


def test_well_inside_all_is_lit() -> None:
    """Blocks of at most 25 px: the edge's, its neighbour and another may give way before a ramp: four in all."""
    light = np.ones(SHAPE)
    light[140:] = 0
    lit = prepare(counts(light=light)).lit
    assert lit is not None
    assert (lit[: 140 - 4 * 25] == 1).all()
    assert (lit[140:] == 0).all()


def test_edge_of_the_lit_part_is_smooth() -> None:
    """A hard edge would correlate with itself: no step of more than a seventh from pixel to pixel."""
    lit = prepare(counts(light=disc((100, 110), 85) + 1e-3)).lit
    assert lit is not None
    # sin² over a block of 12 px (min(32, 200 // 32 · 2)) rises by at most π/2/12 = 0.131 a pixel along an axis.
    assert max(np.abs(np.diff(lit, axis=0)).max(), np.abs(np.diff(lit, axis=1)).max()) <= 0.132


@pytest.mark.parametrize("slope", [0.3, 0.5])
def test_gradient_is_lit_everywhere(slope: float) -> None:
    light = 1 + slope * np.linspace(-1, 1, SHAPE[1])[None] * np.ones(SHAPE)
    assert prepare(counts(light=light)).lit is None


@pytest.mark.parametrize("dose", [0.05, 0.3, 1.0])
def test_few_electrons_are_not_dark_blocks(dose: float) -> None:
    """Blocks of 25 × 25 pixels hold 31 electrons at 0.05 per pixel: shot noise makes none of them dark."""
    ready = prepare(counts(dose=dose))
    assert ready.lit is None
    assert ready.lit_fraction == 1.0


def test_signed_images_have_no_dark() -> None:
    """Where the mean was taken off, zero doesn't mean dark."""
    image = counts(light=disc((100, 110), 85)) - 20.0
    ready = prepare(image)
    assert not ready.positive
    assert ready.lit is None


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "<i4", ">u2", "f4", "f8", "f2", "?"])
def test_every_real_pixel_type(kind: str) -> None:
    image = (counts(dose=0.5) if kind == "?" else counts()).astype(kind)
    ready = prepare(image)
    assert ready.values.dtype == np.float32
    assert np.allclose(ready.values, image.astype(np.float32))


def test_memory_order_does_not_matter() -> None:
    image = counts()
    ready = prepare(np.asfortranarray(image)[::-1])
    assert (ready.values == image[::-1]).all()
    assert ready.values.flags.c_contiguous


BAD = {
    "nan": (np.where(np.arange(40) == 3, np.nan, counts()[:40, :40]), "NaN"),
    "infinite": (np.where(np.arange(40) == 3, np.inf, counts()[:40, :40]), "infinite"),
    "zeros": (np.zeros((64, 64)), "The image has the value 0 in all its pixels"),
    "one value": (np.full((64, 64), 12, np.uint8), "The image has the value 12 in all its pixels"),
    "stack": (np.zeros((3, 64, 64)), r"the shape \(3, 64, 64\)"),
    "line": (np.zeros(64), r"shape \(64,\)"),
    "number": (np.float64(3), r"shape \(\)"),
    "complex": (np.ones((64, 64), complex), "complex128"),
    "words": (np.full((64, 64), "a"), "real numbers"),
    "objects": (np.full((64, 64), None), "object"),
    "small": (counts()[:31, :200], "31 × 200"),
    "empty": (np.zeros((0, 0)), "0 × 0"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_unusable_images_are_a_sentence(name: str) -> None:
    """What happened, and what to do: two sentences at least, or one with a reason after a colon."""
    pixels, says = BAD[name]
    with pytest.raises(InputError, match=says) as raised:
        prepare(pixels)
    text = str(raised.value)
    assert text[0].isupper()
    assert text.endswith(".")
    assert ". " in text or ": " in text


def test_smallest_image_is_accepted() -> None:
    assert prepare(counts()[:SMALLEST_SIDE, :SMALLEST_SIDE]).shape == (SMALLEST_SIDE, SMALLEST_SIDE)


def test_as_image_copies_only_when_it_must() -> None:
    image = counts()
    assert as_image(image) is image or np.shares_memory(as_image(image), image)
    assert as_image(image.astype(np.uint16)).dtype == np.float32


def test_spikes_on_a_bright_holey_film() -> None:
    """Holes 30 % brighter are 9σ from the film at 1000 electrons per pixel; spikes alone are repaired beside them."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    hole = np.hypot(y % 40 - 20, x % 40 - 20) < 8  # 13 % of the area
    image = counts(light=1 + 0.3 * hole, dose=1000)
    spoilt = image.copy()
    at = (np.arange(5, 195, 19), np.arange(7, 237, 23))
    spoilt[at] += 30000
    values = prepare(spoilt).values
    assert values[at].max() < 1300 + 6 * np.sqrt(1300)
    assert (values != spoilt).sum() == at[0].size
