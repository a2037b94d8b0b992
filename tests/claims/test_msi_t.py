"""What the benchmark of MSI-T calls met: a session that delivers nothing meets nothing."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.claims import Claim, Outcome
from benchmarks.msi_t_rows import Case, Exposed, Focused, claims_of
from eucentric.msi.outcome import Status

SIGMA_M = 15e-9
DONE = Focused("T", "Focus", Status.DONE, 20e-9, 5e-9, SIGMA_M, "")
REFUSED = replace(DONE, status=Status.REFUSED, true_m=900e-9, found_m=None, sigma_m=None, why="not believed")
GOOD = Exposed("E", 20e-9, SIGMA_M, "")
FLAGGED = replace(GOOD, flagged="known to ±80 nm")


def rows(focused: list[Focused], exposed: list[Exposed], expected: int = 10) -> dict[str, Claim]:
    """The judged rows of one session, by the words that they are known by."""
    case = Case(1, tuple(focused), tuple(exposed), (), expected, 20, 20, (), 60.0, 1.0, (), ())
    told = list(claims_of([case]))
    names = {
        "accepted": "called done",
        "targets' pulls": "focus targets: truth",
        "silent": "and not flagged",
        "delivered": "exposures expected",
        "exposures' pulls": "exposures: truth",
    }
    return {short: next(c for c in told if words in c.what) for short, words in names.items()}


def missed(told: dict[str, Claim]) -> set[str]:
    """Which of them are not met."""
    return {short for short, claim in told.items() if claim.outcome is not Outcome.MET}


def test_a_good_session_meets_all() -> None:
    """One target of ten refused, and eight of ten exposures delivered, is what 99 % of the accepted and 80 % allow."""
    assert not missed(rows([DONE] * 9 + [REFUSED], [GOOD] * 8 + [FLAGGED]))


def test_refusing_everything_meets_nothing() -> None:
    told = rows([REFUSED] * 10, [])
    assert missed(told) == set(told)


def test_flagging_everything_delivers_nothing() -> None:
    assert missed(rows([DONE] * 10, [FLAGGED] * 10)) == {"delivered"}


def test_exposures_that_were_not_made_count() -> None:
    """Seven of seven are good, and ten were asked for."""
    assert missed(rows([DONE], [GOOD] * 7)) == {"delivered"}


def test_an_accepted_target_outside_is_no_refused_one() -> None:
    """51 nm off, well within its own σ of 20 nm."""
    wrong = replace(DONE, true_m=51e-9, found_m=1e-9, sigma_m=20e-9)
    told = rows([DONE] * 9 + [wrong], [GOOD] * 10)
    assert missed(told) == {"accepted"}
    assert "1 called done and outside" in told["accepted"].measured


def test_an_unflagged_exposure_outside_is_silent() -> None:
    """One of ten, 2.6 of its σ off."""
    assert missed(rows([DONE], [GOOD] * 9 + [replace(GOOD, error_m=52e-9, sigma_m=20e-9)])) == {"silent"}


def test_what_is_stated_too_small_is_told() -> None:
    """4 σ at one of ten is more than 3 %; so is an exposure that states no σ."""
    assert missed(rows([DONE] * 9 + [replace(DONE, sigma_m=4e-9)], [GOOD] * 10)) == {"targets' pulls"}
    assert missed(rows([DONE], [GOOD] * 9 + [replace(GOOD, sigma_m=None)])) == {"exposures' pulls"}
