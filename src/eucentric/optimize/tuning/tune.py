"""Limits of a focus step from repeated measurements: what was learned, what to set, and how often each will be wrong.

Good and bad repeats are marked; bad ones are seldom among them, so blank pairs (blanks.py) stand for places
where nothing is in common. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eucentric.focus.settings import FocusStep, Thresholds
from eucentric.focus.verdict import Evidence, Reason, Verdict, judge
from eucentric.optimize.tuning.blanks import Peak
from eucentric.optimize.tuning.chi_square import ChiSquare, chi_square, limit_at
from eucentric.optimize.tuning.fit_limit import OldLimit, Translation, translation
from eucentric.optimize.tuning.learned import Learned, learned
from eucentric.optimize.tuning.rates import FEWEST, Found
from eucentric.optimize.tuning.repeats import By, Mark, Marking, Repeat
from eucentric.optimize.tuning.scores import Limit, false_lock, lit, odds

_MISFIT = frozenset({Reason.CHI_SQUARE, Reason.FIT_LIMIT})


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What limits are tuned from. `blanks` are measurements with nothing in common, `peaks` those with peaks anywhere.

    `refuses` is the share of good ones that χ² may refuse; None: what the step's limit stands for.
    """

    step: FocusStep
    repeats: tuple[Repeat, ...]
    marks: Mapping[int, Marking]
    blanks: tuple[Repeat, ...] = ()
    peaks: tuple[Peak, ...] = ()
    refuses: float | None = None

    def with_mark(self, mark: Mark) -> list[Repeat]:
        """The repeats with this mark, in order."""
        return [one for one in self.repeats if self.marks[one.number].mark is mark]

    @property
    def cut(self) -> bool:
        """Whether repeats were refused for χ² alone, and nobody but the verdict says that they are bad."""
        refused = [one for one in self.repeats if {f.reason for f in one.result.verdict.findings} <= _MISFIT]
        return any(
            self.marks[one.number] == Marking(Mark.BAD, By.VERDICT) for one in refused if not one.result.accepted
        )


@dataclass(frozen=True, slots=True)
class Passing:
    """What χ² lets pass: of blank pairs, of peaks anywhere (with the step's px² limit besides, where it has one), of
    marked bad repeats; and the largest motion of the specimen between the images of a pair that it does not notice."""

    blanks: Found
    peaks: Found
    peaks_px2: Found | None
    bad: Found
    motion_m: float
    as_defocus_m: float  # what the same motion along the tilt is taken for: that no χ² notices


@dataclass(frozen=True, slots=True, eq=False)
class Tuning:
    """What the repeats taught. `together_*` count what the whole verdict does with all limits as tuned."""

    given: Given
    learned: Learned
    chi2: ChiSquare
    passing: Passing
    limits: tuple[Limit, ...]  # on evidence
    px2: Translation
    together_refuses: Found
    together_accepts: Found
    together_blanks: Found

    @property
    def thresholds(self) -> Thresholds:
        """The step's thresholds with the tuned limits."""
        tuned = {one.setting: one.after for one in self.limits} | {"chi2_per_dof_max": self.chi2.limit}
        return self.given.step.thresholds.model_copy(update=tuned)

    @property
    def old(self) -> OldLimit:
        """The fit limit in px² that χ² as tuned stands for."""
        return self.px2.of_chi2(self.chi2.allowed)


def enough(given: Given) -> str | None:
    """Why nothing can be tuned from what is given, None where it can."""
    good = len(given.with_mark(Mark.GOOD))
    if good >= FEWEST:
        return None
    counts = ", ".join(f"{len(given.with_mark(mark))} {mark}" for mark in Mark)
    return f"Of {len(given.repeats)} repeats {counts}: at least {FEWEST} good ones are needed to tune limits by."


def tune(given: Given) -> Tuning:
    """Learn from the repeats, and choose the limits. Needs `enough`."""
    good, bad, now = given.with_mark(Mark.GOOD), given.with_mark(Mark.BAD), given.step.thresholds
    chi2 = chi_square(good, now.chi2_per_dof_max, given.refuses, cut=given.cut)
    px2 = translation(good)
    limits = (
        false_lock(good, bad, given.blanks, now),
        odds(good, bad, now),
        lit(good, bad, now),
    )
    tuned = now.model_copy(update={one.setting: one.after for one in limits} | {"chi2_per_dof_max": chi2.limit})
    accepted = [rejudged(one, tuned).accepted for one in good]
    return Tuning(
        given,
        learned(good),
        chi2,
        _passing(given, chi2, px2),
        limits,
        px2,
        Found(accepted.count(False), len(good)),
        Found(sum(rejudged(one, tuned).accepted for one in bad), len(bad)),
        Found(sum(rejudged(one, tuned).accepted for one in given.blanks), len(given.blanks)),
    )


def rejudged(one: Repeat, thresholds: Thresholds) -> Verdict:
    """The verdict on a measurement with other thresholds; what was found in its pixels stands."""
    result = one.result
    evidence = Evidence(
        result.measurement,
        result.shifts,
        result.rivals_m,
        range_m=one.how.range_m,
        misfit_px2=result.misfit_px2,
        fit_limit_px2=one.how.fit_limit_px2,
    )
    pixels = tuple(f for f in result.verdict.findings if f.reason in _OF_PIXELS)
    return Verdict((*pixels, *judge(evidence, thresholds).findings))


_OF_PIXELS = frozenset({Reason.BLANK, Reason.SATURATED})


def _passing(given: Given, chi2: ChiSquare, px2: Translation) -> Passing:
    """What the tuned χ² limit accepts of what is bad."""
    bad, old = given.with_mark(Mark.BAD), px2.of_chi2(chi2.allowed)
    blanks = [b.result for b in given.blanks if not b.result.nothing_found]
    within = [p.chi2 <= chi2.allowed for p in given.peaks]
    px2_limit = given.step.fit_limit_px2
    return Passing(
        blanks=Found(sum(b.measurement.chi2 <= limit_at(chi2.limit, b.measurement.dof) for b in blanks), len(blanks)),
        peaks=Found(sum(within), len(within)),
        peaks_px2=None
        if px2_limit is None
        else Found(sum(p.misfit_px2 <= px2_limit for p in given.peaks), len(given.peaks)),
        bad=Found(sum(one.result.measurement.chi2 <= chi2.allowed for one in bad), len(bad)),
        motion_m=old.across_m,
        as_defocus_m=old.defocus_m,
    )
