"""What the benchmark of tilt series calls held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.claims import Outcome
from benchmarks.tomography_rows import Height, Image, Tried, claims_of


def after_tomo_focus(above_stored_m: float, true_m: float) -> Tried:
    """Believed 50 ± 10 nm above the stored plane, and within ±500 nm of the true one."""
    return Tried(1, Height(above_stored_m, 50e-9, 10e-9, true_m, 500e-9))


def test_a_height_is_held_against_what_focusing_alone_states() -> None:
    """50 + 3·10 = 80 nm above the stored plane, however wide the bound of the true one is; and that one as well."""
    for above_m, true_m, held in ((75e-9, 0.4e-6, True), (85e-9, 0.4e-6, False), (75e-9, 0.6e-6, False)):
        tried = after_tomo_focus(above_m, true_m)
        assert tried.height is not None
        assert tried.height.held == held
        stated = list(claims_of([tried]))[1]
        assert (stated.outcome is Outcome.MET) == held
        assert tried.height.pull == pytest.approx((above_m - 50e-9) / 10e-9)


def image(
    error_m: float = 40e-9, at_feature_m: float = 40e-9, away_m: float = 20e-9, *, flagged: bool = False
) -> Image:
    """Stated ±50 nm, of a field of 300 nm."""
    return Image(0.0, error_m, at_feature_m, away_m, 50e-9, 0.3e-6, flagged)


def missed(*images: Image) -> list[str]:
    """What of a series of 31 images is missed: those given, and good ones."""
    told = after_tomo_focus(0.0, 0.0)
    told.images, told.field_m = [*images, *[image()] * (31 - len(images))], 300e-9
    return [claim.what for claim in claims_of([told]) if claim.outcome is Outcome.MISSED]


def test_a_good_series_is_met() -> None:
    assert missed() == []


def test_focus_counts_at_the_feature_too() -> None:
    """Off by 120 nm there in every image (rms 120), within 3 σ; in the images' middles it is as it should be."""
    (what,) = missed(*[image(at_feature_m=120e-9)] * 31)
    assert "at the feature" in what


def test_a_feature_beside_the_image_is_told() -> None:
    """160 of 300 nm from the middle."""
    (what,) = missed(image(away_m=160e-9))
    assert "is in every image" in what


def test_what_is_not_flagged_is_relied_on() -> None:
    """One image of 31 beyond 3 σ is more than 1 %; one off by 510 nm is what the flag is for; flagged, both may be."""
    (stated,) = missed(image(error_m=170e-9))
    assert "beyond 3 stated" in stated
    off = image(error_m=510e-9, at_feature_m=30e-9)
    assert len(missed(off)) == 2
    assert missed(replace(off, flagged=True)) == []


def test_a_series_that_ended_early_is_told() -> None:
    told = after_tomo_focus(0.0, 0.0)
    told.images, told.field_m = [image()] * 30, 300e-9
    assert [c.outcome for c in claims_of([told]) if "focus error" in c.what] == [Outcome.MISSED] * 2
