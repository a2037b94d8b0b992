"""What did not end well: each reason once, with its targets by name."""

from __future__ import annotations

import dataclasses

import pytest

from eucentric.cli.session_troubles import troubles, where
from eucentric.msi.outcome import Exposure, SessionResult, Status, UnitOutcome

from . import made_session as made


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["Square 1/Hole 2/Focus 1"], "Square 1/Hole 2/Focus 1"),
        (["Square 1", "Square 2", "Square 4"], "Square 1–2, 4"),
        (["A 1/B 1/C 1", "A 1/B 1/C 2", "A 1/B 1/C 3", "A 1/B 2/C 1"], "A 1/B 1: C 1–3; B 2: C 1"),
        (["A 1/B 1/C 1", "A 1/B 1/C 2", "A 1/B 2/C 1", "A 1/B 2/C 2"], "A 1/B 1–2: C 1–2 each"),
        (["A 1/B 1/C 1", "A 2/B 1/C 1"], "A 1/B 1: C 1; A 2/B 1: C 1"),
        (["A 1/Z Focus 1", "A 1/B 1/C 2", "A 1/B 1/D 4"], "A 1: Z Focus 1; A 1/B 1: C 2, D 4"),
    ],
)
def test_targets_are_named_by_their_parents(keys: list[str], words: str) -> None:
    assert where(keys) == words


def _result(*outcomes: UnitOutcome) -> SessionResult:
    return SessionResult("made", "simulated", outcomes, len(outcomes), 0.0, 1.0)


def _flagged(key: str, bound: str) -> UnitOutcome:
    flag = f"Its defocus is known to ±{bound} (3 σ); ±50 nm is asked."
    shot = Exposure("ex", "a.mrc", (0.0, 0.0), 0.0, 0.0, 1e21, -1e-6, 3e-8, flag)
    return UnitOutcome(key, "Exposure", Status.DONE, exposures=(shot,))


def test_a_reason_is_told_once_with_the_range_of_its_bounds() -> None:
    told = troubles(
        _result(
            _flagged("Square 1/Hole 1/Exposure 1", "81 nm"),
            _flagged("Square 1/Hole 1/Exposure 2", "52 nm"),
            UnitOutcome("Square 1/Hole 1/Exposure 3", "Exposure", Status.DONE),
            _flagged("Square 1/Hole 2/Exposure 1", "1.200 µm"),
        )
    )
    assert told == [
        "Square 1/Hole 1: Exposure 1–2; Hole 2: Exposure 1: flagged. Its defocus is known to ±52 nm to ±1.200 µm "
        "(3 σ); ±50 nm is asked."
    ]


def test_what_waits_for_a_refused_focus_target_does_not_tell_its_reason_again() -> None:
    why = "Not focused. Nothing in common between the images. Nothing was corrected."
    failed = f"Focusing failed: Square 1/Hole 1/Focus 1: {why} Square 1/Hole 1/Focus 2: {why}"
    told = troubles(
        _result(
            *(UnitOutcome(f"Square 1/Hole 1/Focus {k}", "Focus", Status.REFUSED, why) for k in (1, 2)),
            *(UnitOutcome(f"Square 1/Hole 1/Exposure {k}", "Exposure", Status.SKIPPED, failed) for k in (1, 2, 3)),
        )
    )
    assert told == [
        f"Square 1/Hole 1: Focus 1–2: refused. {why}",
        "Square 1/Hole 1: Exposure 1–3: skipped. Focusing failed at all focus targets that it waits for: see there.",
    ]


def test_where_the_images_of_a_refused_target_are_is_told() -> None:
    whole = made.result(made.application())
    place = "refused/Square 1/Hole 2/Focus 1"
    told = troubles(whole, {"Square 1/Hole 2/Focus 1": place})
    assert told[0].endswith(f"Move to carbon. (its images: {place})")
    refused = next(o for o in whole.outcomes if o.status is Status.REFUSED)
    twice = dataclasses.replace(whole, outcomes=(refused, dataclasses.replace(refused, key="Square 1/Hole 3/Focus 1")))
    assert troubles(twice, {refused.key: place})[0].endswith("(images of 1 of them: refused/)")
