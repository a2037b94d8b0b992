"""Beam-tilt pairs by the linear formula of DESIGN.md section 2, written apart from the code that is tested: the coma of
the tilt moves plain peaks, and is taken out when the optics are given."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern, Method, Shift
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from tests.correlation.pairs import Pair, distance, pulls
from tests.correlation.scenes import Lens, tilted_pair, with_camera

SIGMAS = 4.5
"""Of 20 Gaussian errors beyond this: 1e-4."""
LENSES = [
    Lens(),
    Lens(c1_m=-0.6e-6, tilt_rad=(6e-3, -5.5e-3)),
    Lens(c1_m=0.5e-6, pixel_m=0.2e-9),
    Lens(c1_m=-1.5e-6, tilt_rad=(-8e-3, 0.0)),
    Lens(c1_m=-1e-6, wavelength_m=1.9687e-12, pixel_m=0.2e-9),  # 300 kV
]
AT_FOCUS = Lens(c1_m=-0.27e-6)
"""C1 = −C3β²: the pair does not move at all."""


def optics(lens: Lens) -> PairOptics:
    """What the caller knows of the pair."""
    voltage = 200e3 if lens.wavelength_m > 2.2e-12 else 300e3
    y, x = lens.tilt_rad
    return PairOptics(lens.pixel_m, Column(voltage, lens.c3_m), (-y, -x), (y, x))


def matched(pair: Pair, lens: Lens) -> Shift:
    """The pair registered with its optics."""
    return register(pair.reference, pair.moving, pair=optics(lens), with_map=False)


@pytest.mark.parametrize("lens", LENSES)
def test_coma_is_taken_out(lens: Lens) -> None:
    """Right to its stated error, which is below 0.02 px at 100 e/px and 10 % contrast (Cramér–Rao: 0.005 px)."""
    for seed in (0, 1):
        pair = tilted_pair(seed, lens)
        found = matched(pair, lens)
        assert np.abs(pulls(found, lens.shift_px)).max() < SIGMAS
        assert found.sigma_px is not None
        assert max(found.sigma_px) < 0.02
        assert found.false_lock_probability < 1e-6
        assert optics(lens).defocus_of(found.shift_px) == pytest.approx(lens.c1_m, abs=1e-9)  # 0.02 px: 0.3 nm


@pytest.mark.parametrize("lens", LENSES)
def test_without_optics_every_type_is_displaced(lens: Lens) -> None:
    """The coma (2π/λ)C3θ²(θ·2β) has a mean slope over the band: 2C3⟨…θ²⟩β, some 0.3 px and more. Not `matched` alone,
    the knowledge of the optics takes it out."""
    pair = tilted_pair(0, lens)
    for method in Method:
        found = register(pair.reference, pair.moving, method=method, with_map=False)
        along = np.subtract(found.shift_px, lens.shift_px) @ np.sign(lens.tilt_rad)
        assert along > 0.15  # with C3 > 0 always along the tilt
    assert distance(matched(pair, lens).shift_px, lens.shift_px) < 0.05


def test_swapped_with_its_optics() -> None:
    """The images and their tilts exchanged: the shift changes sign."""
    lens = LENSES[1]
    pair, known = tilted_pair(3, lens), optics(lens)
    turned = PairOptics(known.pixel_m, known.column, known.second_tilt, known.first_tilt)
    one = register(pair.reference, pair.moving, pair=known)
    two = register(pair.moving, pair.reference, pair=turned)
    assert one.sigma_px is not None
    assert distance(one.shift_px, (-two.shift_px[0], -two.shift_px[1])) < 0.3 * max(one.sigma_px) + 2e-3


def test_wrong_sign_of_the_tilts_is_worse() -> None:
    """Compensating the wrong way doubles the coma: less evidence, and a displaced answer."""
    lens = Lens()
    pair, known = tilted_pair(0, lens), optics(lens)
    wrong = PairOptics(known.pixel_m, known.column, known.second_tilt, known.first_tilt)
    found = register(pair.reference, pair.moving, pair=wrong)
    assert distance(found.shift_px, lens.shift_px) > 1.0


@pytest.mark.parametrize("rms", [0.02, 0.03])
def test_zero_shift_is_found_where_the_coma_tells(rms: float) -> None:
    """At C1 = −C3β² nothing moves, and the camera's pattern lies where the specimen does. Its phase has no coma, the
    specimen's has. The answer is right, or the result says that it can't be told; of four at least two are told."""
    told = 0
    for seed in range(4):
        pair = with_camera(tilted_pair(seed, AT_FOCUS, rms=rms, dose=200), 7, 0.01)
        found = matched(pair, AT_FOCUS)
        assert np.abs(pulls(found, (0.0, 0.0))).max() < SIGMAS
        told += found.fixed_pattern is not FixedPattern.INDISTINGUISHABLE
    assert told >= 2


def test_zero_shift_on_a_clean_camera() -> None:
    for seed in range(3):
        found = matched(tilted_pair(seed, AT_FOCUS, rms=0.03, dose=200), AT_FOCUS)
        assert np.abs(pulls(found, (0.0, 0.0))).max() < SIGMAS
        assert found.fixed_pattern is FixedPattern.NONE


@pytest.mark.parametrize("c1_m", [-0.3e-6, -0.5e-6])
def test_small_shifts_beside_the_camera_pattern(c1_m: float) -> None:
    """2 and 15 px from a gain residual of 1 %, the specimen's contrast 3 %."""
    lens = Lens(c1_m=c1_m)
    for seed in range(3):
        found = matched(with_camera(tilted_pair(seed, lens, rms=0.03, dose=200), 7, 0.01), lens)
        assert found.false_lock_probability < 1e-6
        assert np.abs(pulls(found, lens.shift_px)).max() < SIGMAS


def test_camera_pattern_alone_is_no_focus() -> None:
    """With optics too: a pattern at zero without coma is not taken for a specimen at C1 = −C3β²."""
    rng = np.random.default_rng(0)
    camera = 1 + 0.02 * rng.standard_normal((320, 320))
    one, two = (rng.poisson(200, (320, 320)) * camera for _ in range(2))
    found = register(one, two, pair=optics(AT_FOCUS))
    assert found.fixed_pattern is FixedPattern.INDISTINGUISHABLE or found.false_lock_probability > 1e-6


@pytest.mark.parametrize("lens", LENSES[:3])
def test_a_true_negative_stays_one(lens: Lens) -> None:
    """The second image as a negative: no positive ripple beside the minimum is taken for the answer."""
    pair = tilted_pair(7, lens)
    negative = 2 * pair.moving.mean() - pair.moving
    assert register(pair.reference, negative, pair=optics(lens)).contrast_sign == -1
