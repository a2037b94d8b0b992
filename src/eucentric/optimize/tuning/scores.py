"""Limits on evidence: false lock, odds, lit area. What they refuse of good repeats, and accept of blank pairs. Pure.

Evidence is counted in nats: −ln of the chance that noise made a peak, ln of the odds against its runner-up. The square
root of twice the former is a number of sigmas, that of a mean over many blocks of the images: it scatters from repeat
to repeat as a normal variable does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import Thresholds
from eucentric.optimize.tuning.rates import Found, Rates, Tail, below, quantile, tail_of
from eucentric.optimize.tuning.repeats import Repeat

REFUSES_MOST = 0.01
"""A limit that refuses one good repeat and is expected to refuse more of them than this is moved …"""
ACCEPTS_MOST = 1e-3
"""… as long as it accepts less than this of blank pairs, each alone."""
TAIL_FROM = math.log(10)
"""Blank pairs less likely than 1 in 10 by their own word make the tail."""
ODDS_LEAST = 20.0
LIT_LEAST = 0.2
"""No limit is set below these: there the words lose their meaning."""
_MOST_NATS = 690.0
_ROUNDS = 1e-9


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit before and after, and its rates: good ones refused, marked bad ones and blank pairs accepted."""

    setting: str
    before: float
    after: float
    refuses: Rates
    accepts: Found
    blank: Rates | None
    why: str


def false_lock(good: Sequence[Repeat], bad: Sequence[Repeat], blanks: Sequence[Repeat], now: Thresholds) -> Limit:
    """The limit on the chance that noise alone made the peak: all pairs of a measurement must be below it."""
    scores = [_sigmas(_least_sure(one.result)) for one in good]
    tail = tail_of([_nats(s.false_lock_probability) for b in blanks for s in b.result.shifts], TAIL_FROM)
    nats, why = _between(scores, -math.log(now.false_lock_max), tail)
    after = now.false_lock_max if nats is None else _one_digit(math.exp(-nats))
    needed = -math.log(after)

    def passes(result: DefocusResult) -> bool:
        return _least_sure(result) >= needed

    pairs = [_nats(shift.false_lock_probability) >= needed for blank in blanks for shift in blank.result.shifts]
    return Limit(
        "false_lock_max",
        now.false_lock_max,
        after,
        Rates(_refused(good, passes), below(scores, _sigmas(needed))),
        Found(sum(passes(one.result) for one in bad), len(bad)),
        Rates(Found(sum(pairs), len(pairs)), None if tail is None else tail.above(needed)),
        why,
    )


def odds(good: Sequence[Repeat], bad: Sequence[Repeat], now: Thresholds) -> Limit:
    """The limit on the odds against the runner-up. Blank pairs say nothing of it: a lattice is what it is for."""
    least, why = _lower([_odds(one.result) for one in good], math.log(now.odds_min), math.log(ODDS_LEAST))
    after = now.odds_min if least is None else _one_digit(math.exp(least))
    return _counted(
        "odds_min", (now.odds_min, after), lambda result: _odds(result) >= math.log(after), (good, bad, why)
    )


def lit(good: Sequence[Repeat], bad: Sequence[Repeat], now: Thresholds) -> Limit:
    """The limit on the lit fraction of an image."""
    least, why = _lower([_lit(one.result) for one in good], now.lit_min, LIT_LEAST)
    after = now.lit_min if least is None else math.floor(100 * least + 1e-9) / 100
    return _counted("lit_min", (now.lit_min, after), lambda result: _lit(result) >= after, (good, bad, why))


def _counted(
    setting: str,
    limits: tuple[float, float],
    passes: Callable[[DefocusResult], bool],
    told: tuple[Sequence[Repeat], Sequence[Repeat], str],
) -> Limit:
    """A limit with what was found alone: how such numbers scatter far from their usual values, no model says."""
    good, bad, why = told
    accepts = Found(sum(passes(one.result) for one in bad), len(bad))
    return Limit(setting, limits[0], limits[1], Rates(_refused(good, passes)), accepts, None, why)


def _refused(good: Sequence[Repeat], passes: Callable[[DefocusResult], bool]) -> Found:
    return Found(sum(not passes(one.result) for one in good), len(good))


def _between(scores: Sequence[float], before: float, tail: Tail | None) -> tuple[float | None, str]:
    """Nats that are needed: as before (None) unless too many good ones are refused or blanks accepted; and why."""
    refuses, refused = below(scores, _sigmas(before)), sum(score < _sigmas(before) for score in scores)
    if tail is not None and tail.above(before).rate > ACCEPTS_MOST:
        return _strict(tail), f"blank pairs would pass more often than 1 in {1 / ACCEPTS_MOST:.0f}"
    if refuses is None or refuses.rate <= REFUSES_MOST or not refused:
        return None, "few good ones are refused" if refused else "no good one is refused"
    wanted = 0.5 * max(quantile(scores, REFUSES_MOST), 0.0) ** 2
    safe = before if tail is None else _strict(tail)
    if wanted < safe:
        return min(safe, before), "good ones come too near to blank pairs for a lower one: expose longer"
    return wanted, f"as it was, it refuses {refuses.rate:.1%} of good ones"


def _strict(tail: Tail) -> float:
    """The nats that blank pairs reach as often as is allowed."""
    length = 1.0 if tail.length_low <= 1 <= tail.length_high else tail.length
    return max(tail.start + length * math.log(tail.over / tail.of / ACCEPTS_MOST), tail.start)


def _lower(values: Sequence[float], before: float, least: float) -> tuple[float | None, str]:
    """The limit that all good ones pass, but not below `least`; None where it may stay as it is; and why."""
    refused = sum(value < before for value in values)
    if not refused:
        return None, "no good one is refused"
    return max(min(values), least), f"as it was, it refuses {refused} of {len(values)} good ones"


def _least_sure(result: DefocusResult) -> float:
    """Nats of the pair that noise made most likely."""
    return min(_nats(shift.false_lock_probability) for shift in result.shifts)


def _odds(result: DefocusResult) -> float:
    """Nats against the runner-up, of the pair where they are smallest; without a runner-up the most there are."""
    rivals = [shift.runner_up.odds for shift in result.shifts if shift.runner_up is not None]
    return min([_MOST_NATS, *(math.log(max(one, 1.0)) for one in rivals)])


def _lit(result: DefocusResult) -> float:
    return min(min(shift.lit) for shift in result.shifts)


def _nats(chance: float) -> float:
    return min(-math.log(max(chance, 1e-300)), _MOST_NATS)


def _sigmas(nats: float) -> float:
    return math.sqrt(2 * max(nats, 0.0))


def _one_digit(chance: float) -> float:
    """Downwards to one digit."""
    power = 10.0 ** math.floor(math.log10(chance))
    return float(f"{math.floor(chance / power + 1e-9) * power:.0e}")
