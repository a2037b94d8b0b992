"""Two arrays with their optics become a judged defocus; every unusable input is told in a sentence."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError
from eucentric.focus.how import How
from eucentric.focus.measure import measure_defocus, measure_frames
from eucentric.focus.verdict import Reason
from eucentric.images.frame import Frame
from eucentric.optics.aberrations import Aberrations, Tilt
from eucentric.optics.column import Column
from eucentric.optics.transfer import tilted_transfer

SIDE, PIXEL_M, TILT_RAD = 512, 0.4e-9, 4e-3
COLUMN = Column(voltage_v=200e3, c3_m=2.7e-3)
COUNTS = 40.0  # electrons per pixel
CONTRAST = 0.06  # rms of the object's phase per pixel, white up to Nyquist: a thin carbon film at 0.4 nm
OPTICS = {"pixel_m": PIXEL_M, "voltage_v": 200e3, "c3_m": 2.7e-3, "tilt_rad": TILT_RAD}


def _pair(c1_m: float, tilts: tuple[Tilt, Tilt], *, seed: int = 3, common: bool = True) -> list[NDArray[np.float64]]:
    """A weak phase object through the exact tilted transfer, cut from a larger field so that nothing wraps around."""
    rng = np.random.default_rng(seed)
    big = 2 * SIDE
    q = np.fft.fftfreq(big, PIXEL_M)
    lens = Aberrations(c1_m=c1_m, c3_m=COLUMN.c3_m)
    images = []
    phase = np.fft.fft2(rng.normal(0, CONTRAST, (big, big)))
    for tilt in tilts:
        if not common:
            phase = np.fft.fft2(rng.normal(0, CONTRAST, (big, big)))
        transfer = tilted_transfer(q[np.newaxis, :], q[:, np.newaxis], tilt, lens, COLUMN)
        field = np.fft.ifft2(phase * transfer).real
        cut = field[SIDE // 2 : SIDE // 2 + SIDE, SIDE // 2 : SIDE // 2 + SIDE]
        images.append(rng.poisson(COUNTS * np.clip(1 + cut, 0, None)).astype(np.float64))
    return images


@pytest.mark.parametrize("c1_m", [-1.2e-6, -0.4e-6, 0.6e-6])
@pytest.mark.parametrize("angle", [0.0, 2.1])
def test_the_defocus_of_a_pair(c1_m: float, angle: float) -> None:
    x, y = TILT_RAD * math.cos(angle), TILT_RAD * math.sin(angle)
    first, second = _pair(c1_m, ((-y, -x), (y, x)))
    got = measure_defocus(first, second, **OPTICS, tilt_angle_rad=angle)
    assert got.accepted, got.verdict.sentence
    # Five of the stated statistical errors, and 1 nm for the model of the pair where both are equal: it is exact here.
    assert abs(got.defocus_m - c1_m) < 5 * got.measurement.sigma_m + 1e-9
    assert got.measurement.sigma_m < 3e-9


def test_both_ways_of_giving_tilts_agree_and_swapping_the_images_changes_nothing() -> None:
    cross = 1e-3
    tilts = ((cross, -TILT_RAD), (cross, TILT_RAD))
    first, second = _pair(-0.8e-6, tilts)
    known = {k: v for k, v in OPTICS.items() if k != "tilt_rad"}
    a = measure_defocus(first, second, **OPTICS, cross_tilt_rad=cross)
    b = measure_defocus(first, second, **known, first_tilt=tilts[0], second_tilt=tilts[1])
    c = measure_defocus(second, first, **known, first_tilt=tilts[1], second_tilt=tilts[0])
    assert a.defocus_m == pytest.approx(b.defocus_m, abs=1e-13)
    assert abs(c.defocus_m - b.defocus_m) < b.measurement.sigma_m
    assert abs(a.defocus_m + 0.8e-6) < 5 * a.measurement.sigma_m + 1e-9


def test_unrelated_images_are_refused_and_the_numbers_are_given() -> None:
    first, second = _pair(-1e-6, ((0.0, -TILT_RAD), (0.0, TILT_RAD)), common=False)
    got = measure_defocus(first, second, **OPTICS)
    assert got.verdict.reason is Reason.FALSE_LOCK
    assert got.verdict.sentence is not None
    assert got.verdict.sentence.endswith("Z Focus first.")
    summary = json.loads(json.dumps(got.summary()))
    assert summary["accepted"] is False
    assert summary["reason_code"] == "FALSE_LOCK"
    assert summary["false_lock_probability"] > 1e-6


def test_the_summary_is_plain_and_the_repr_is_readable() -> None:
    first, second = _pair(-0.8e-6, ((0.0, -TILT_RAD), (0.0, TILT_RAD)))
    got = measure_defocus(first, second, **OPTICS)
    summary = json.loads(json.dumps(got.summary()))
    assert summary["accepted"] is True
    assert summary["reason_code"] is None
    assert summary["reason"] is None
    assert len(summary["shift_px"]) == len(summary["shift_sigma_px"]) == 2
    assert summary["defocus_total_sigma_m"] > summary["defocus_sigma_m"] > 0
    assert repr(got).startswith("−0.")
    assert repr(got).endswith("µm (underfocus), accepted")


def test_a_correlator_without_an_error_states_none() -> None:
    first, second = _pair(-0.8e-6, ((0.0, -TILT_RAD), (0.0, TILT_RAD)))
    got = measure_defocus(first, second, **OPTICS, method="cross")
    assert got.summary()["defocus_sigma_m"] is None
    assert got.summary()["shift_sigma_px"] is None
    assert "statistical" not in repr(got)
    assert got.measurement.total_sigma_m > PIXEL_M * 0.5 / (2 * TILT_RAD)  # half a pixel is in the total error


def test_a_known_offset_is_taken_off_and_its_error_added() -> None:
    tilts = ((0.0, -TILT_RAD), (0.0, TILT_RAD))
    frames = tuple(Frame(p, pixel_m=PIXEL_M, time_s=float(t)) for t, p in enumerate(_pair(-0.8e-6, tilts)))
    sure = Uncertainty(focus_scale=0.03, focus_hysteresis=0.04)
    plain = measure_frames(frames, tilts, ((0, 1),), How(COLUMN, sure))
    told = measure_frames(frames, tilts, ((0, 1),), How(COLUMN, sure, offset_m=-0.5e-6))
    # 4 % of the excursion stay behind when it is taken back.
    assert told.defocus_m == pytest.approx(plain.defocus_m + 0.96 * 0.5e-6, abs=1e-13)
    # 3 % of scale and 4 %/√3 of hysteresis of 0.5 µm.
    added = math.sqrt(told.measurement.total_sigma_m**2 - plain.measurement.total_sigma_m**2)
    assert added == pytest.approx(0.5e-6 * math.hypot(0.03, 0.04 / math.sqrt(3)), rel=1e-6)
    assert told.measurement.sigma_m == plain.measurement.sigma_m
    if plain.rivals_m[0] is not None:
        assert told.rivals_m[0] == pytest.approx(plain.rivals_m[0] + 0.5e-6)


GOOD = np.random.default_rng(1).normal(size=(64, 64))


@pytest.mark.parametrize(
    ("first", "changes", "words"),
    [
        (np.zeros((64, 64)), {}, "all its pixels"),
        (np.full((64, 64), np.nan), {}, "NaN"),
        (np.zeros((3, 64, 64)), {}, "not rows and columns"),
        (np.eye(8), {}, "too few"),
        (GOOD[:60], {}, "differ in size"),
        (GOOD.tolist(), {}, "is a list"),
        (GOOD.astype(str), {}, "not real numbers"),
        (GOOD, {"tilt_rad": math.nan}, "not all finite"),
        (GOOD, {"tilt_angle_rad": math.inf}, "no angle"),
        (GOOD * 1j, {}, "complex"),
        (GOOD, {"tilt_rad": 0.0}, "0 mrad"),
        (GOOD, {"tilt_rad": None}, "either"),
        (GOOD, {"first_tilt": (0.0, 1e-3)}, "either"),
        (GOOD, {"tilt_rad": None, "first_tilt": (0.0, 1e-3), "second_tilt": (0.0, 1e-3)}, "same beam tilt"),
        (GOOD, {"voltage_v": 200.0}, "high tension"),
        (GOOD, {"c3_m": 2.7}, "Cs"),
        (GOOD, {"pixel_m": 0.0}, "pixel"),
        (GOOD, {"pixel_m": math.nan}, "pixel"),
        (GOOD, {"tilt_rad": 5.0}, "mrad"),
        (GOOD, {"method": "magic"}, "matched, phase or cross"),
        (GOOD, {"column": Column(voltage_v=300e3, c3_m=2.7e-3)}, "same values"),
    ],
)
def test_unusable_input_is_told_in_a_sentence(
    first: NDArray[np.float64], changes: dict[str, object], words: str
) -> None:
    options = OPTICS | changes
    with pytest.raises(InputError, match=words):
        measure_defocus(first, GOOD, **options)  # type: ignore[arg-type]
