"""Every reason for refusing, told in a sentence; and nothing else refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eucentric.calibration.instrument import Uncertainty
from eucentric.correlation.shift import Coherence, FixedPattern, Method, Rival, Shift
from eucentric.focus.measurement import Measurement
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.pixels import Pixels, inspect
from eucentric.focus.predict import predicted_measurement
from eucentric.focus.settings import Thresholds
from eucentric.focus.verdict import Evidence, Reason, Verdict, judge
from eucentric.images.frame import Frame

LIMIT = Thresholds()
RINGS = Coherence(np.linspace(0.05, 0.45, 5), np.full(5, 0.5), np.full(5, 0.01), np.ones(5, dtype=np.bool_))
SHIFT = Shift(
    shift_px=(0.0, -8.0),
    covariance_px2=np.eye(2) * 1e-4,
    method=Method.MATCHED,
    overlap=0.9,
    false_lock_probability=1e-30,
    runner_up=Rival((0.0, 40.0), 1e12),
    coherence=RINGS,
    fixed_pattern=FixedPattern.NONE,
    contrast_sign=1,
    lit=(1.0, 1.0),
    map=None,
    seconds=0.01,
)


def _measurement() -> Measurement:
    plan = pattern(PatternName.PAIR, 5e-3)
    return predicted_measurement(
        plan, c1_m=-0.3e-6, shift_sigma_m=20e-12, interval_s=1.0, c3_m=2.7e-3, prior=Uncertainty()
    )


def _judged(
    shift: Shift = SHIFT, *, chi2: float = 0.5, pixels: tuple[Pixels, ...] = (), range_m: float | None = None
) -> Verdict:
    return judge(Evidence(replace(_measurement(), chi2=chi2), (shift,), (12e-6,), pixels, range_m), LIMIT)


def test_a_good_measurement_is_accepted_without_a_reason() -> None:
    verdict = _judged(pixels=(Pixels(False, 0.0), Pixels(False, LIMIT.saturated_max)), range_m=1e-6)
    assert verdict.accepted
    assert verdict.reason is None
    assert verdict.sentence is None


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"false_lock_probability": 0.3}, Reason.FALSE_LOCK, "chance 0.3"),
        ({"false_lock_probability": 1e-3}, Reason.FALSE_LOCK, "Expose longer"),
        ({"lit": (1.0, 0.2)}, Reason.BEAM_OFF_VIEW, "pivot"),
        ({"fixed_pattern": FixedPattern.INDISTINGUISHABLE}, Reason.FIXED_PATTERN, "gain reference"),
        ({"contrast_sign": -1}, Reason.CONTRAST_REVERSED, "aperture"),
        ({"coherence": replace(RINGS, used=np.zeros(5, dtype=np.bool_))}, Reason.CONTRAST_LOST, "aperture"),
        ({"overlap": 0.02}, Reason.OVERLAP, "2%"),
        ({"runner_up": Rival((0.0, 40.0), 1.5)}, Reason.AMBIGUOUS, "−0.300 µm or 12.000 µm"),
    ],
)
def test_what_a_shift_can_be_refused_for(changes: dict[str, object], reason: Reason, words: str) -> None:
    verdict = _judged(replace(SHIFT, **changes))  # type: ignore[arg-type]
    assert [f.reason for f in verdict.findings] == [reason]
    assert verdict.sentence is not None
    assert words in verdict.sentence
    assert "corrected" not in verdict.sentence  # what was moved is for the caller to say


@pytest.mark.parametrize("kind", [FixedPattern.NONE, FixedPattern.REMOVED])
def test_a_fixed_pattern_that_was_taken_out_is_no_reason(kind: FixedPattern) -> None:
    assert _judged(replace(SHIFT, fixed_pattern=kind)).accepted


def test_a_missing_runner_up_or_coherence_is_no_reason() -> None:
    assert _judged(replace(SHIFT, runner_up=None, coherence=None)).accepted


def test_images_and_the_fit_and_the_range() -> None:
    assert _judged(pixels=(Pixels(True, 0.0),)).reason is Reason.BLANK
    assert _judged(pixels=(Pixels(False, 0.1),)).reason is Reason.SATURATED
    assert _judged(chi2=LIMIT.chi2_per_dof_max * 1.01).reason is Reason.CHI_SQUARE
    assert _judged(range_m=0.2e-6).reason is Reason.BEYOND_RANGE


def test_reasons_are_told_in_their_order_and_once() -> None:
    blank = Pixels(True, 0.0)
    verdict = _judged(replace(SHIFT, false_lock_probability=0.5), pixels=(blank, blank), chi2=1e3)
    assert [f.reason for f in verdict.findings] == [Reason.BLANK, Reason.FALSE_LOCK, Reason.CHI_SQUARE]


def test_chance_matches_make_no_answer_ambiguous() -> None:
    """Where nothing is in common the odds say nothing: one reason is enough."""
    verdict = _judged(replace(SHIFT, false_lock_probability=0.5, runner_up=Rival((1.0, 1.0), 1.0)))
    assert [f.reason for f in verdict.findings] == [Reason.FALSE_LOCK]


def test_a_rival_that_no_defocus_explains_is_named_as_such() -> None:
    shift = replace(SHIFT, runner_up=Rival((40.0, 0.0), 1.5))
    verdict = judge(Evidence(_measurement(), (shift,), (12e-6,), rivals_fit=(False,)), LIMIT)
    assert verdict.reason is Reason.AMBIGUOUS
    assert "no defocus explains" in str(verdict)
    assert "to 1 is needed" in str(verdict)


def test_saturation_is_seen_with_and_without_a_known_maximum() -> None:
    rng = np.random.default_rng(2)
    image = rng.normal(1000, 200, (128, 128))
    ceiling = np.quantile(image, 0.9)
    clipped = np.minimum(image, ceiling)
    assert inspect(Frame(image)).saturated == 0
    # A tenth was clipped by construction.
    assert inspect(Frame(clipped)).saturated == pytest.approx(0.1, abs=1e-3)
    assert inspect(Frame(image, saturation=float(ceiling))).saturated == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("mean", [0.2, 2.0, 30.0, 300.0])
def test_counted_electrons_are_not_saturated(mean: float) -> None:
    counts = np.random.default_rng(5).poisson(mean, (256, 256)).astype(np.uint16)
    assert inspect(Frame(counts)).saturated == 0
    assert not inspect(Frame(counts)).blank


def test_a_constant_image_is_blank() -> None:
    assert inspect(Frame(np.full((64, 64), 7))).blank
