"""Marks: the verdict's, but for what the other repeats of a place say, and the operator's before all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eucentric.focus.verdict import Finding, Reason, Verdict
from eucentric.optimize.tuning.repeats import By, Mark, Repeat, marked, opinions

from .repeated import Bench

REFUSED = Verdict((Finding(Reason.CHI_SQUARE, "found", "allowed", "advice"),))


def _refused(one: Repeat) -> Repeat:
    return replace(one, result=replace(one.result, verdict=REFUSED))


def _moved(one: Repeat, by_m: float) -> Repeat:
    at = one.result.measurement
    return replace(one, result=replace(one.result, measurement=replace(at, c1_m=at.c1_m + by_m)))


def _series(count: int = 12) -> list[Repeat]:
    return Bench().series(count, 0, np.random.default_rng(3))


def test_the_verdict_marks_what_nobody_contradicts() -> None:
    repeats = _series()
    assert {one.mark for one in opinions(repeats).values()} == {Mark.GOOD}
    repeats[4] = _moved(_refused(repeats[4]), 3e-6)
    told = opinions(repeats)[5]
    assert (told.mark, told.by) == (Mark.BAD, By.VERDICT)


def test_what_finds_the_same_defocus_is_good_though_refused_and_what_does_not_bad_though_accepted() -> None:
    repeats = _series()
    repeats[4] = _refused(repeats[4])
    repeats[7] = _moved(repeats[7], -4e-6)
    told = opinions(repeats)
    assert (told[5].mark, told[5].by) == (Mark.GOOD, By.OTHERS)
    assert (told[8].mark, told[8].by) == (Mark.BAD, By.OTHERS)


def test_few_accepted_ones_contradict_nobody_and_a_blank_image_is_never_good() -> None:
    repeats = [_refused(one) for one in _series()]
    assert {one.by for one in opinions(repeats).values()} == {By.VERDICT}
    repeats = _series()
    blank = Verdict((Finding(Reason.BLANK, "found", "allowed", "advice"),))
    repeats[2] = replace(repeats[2], result=replace(repeats[2].result, verdict=blank))
    assert opinions(repeats)[3].mark is Mark.BAD


def test_the_operator_comes_first() -> None:
    repeats = _series()
    told = marked(repeats, {2: Mark.BAD, 3: Mark.SKIPPED})
    assert (told[2].mark, told[2].by) == (Mark.BAD, By.OPERATOR)
    assert told[3].mark is Mark.SKIPPED
    assert told[4].by is By.VERDICT
