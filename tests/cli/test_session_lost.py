"""What the operator answers when the instrument is lost."""

from __future__ import annotations

import pytest

from eucentric.cli.session_lost import PAUSES_S, Lost, Unattended
from eucentric.errors import TimedOutError
from eucentric.msi.events import UnitEnded
from eucentric.msi.outcome import Status, UnitOutcome


@pytest.mark.parametrize(
    ("answers", "again"), [([""], True), (["t"], True), (["what?", "S"], False), (["stop"], False), ([], False)]
)
def test_the_answer_is_asked_until_it_is_one(answers: list[str], again: bool) -> None:
    said: list[str] = []
    left = iter(answers)

    def ask(_prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    assert Lost(said.append, ask, "eucentric run --resume here")(TimedOutError("It does not answer.")) is again
    assert "eucentric run --resume here" in " ".join(said)
    assert next(left, None) is None


def test_where_nobody_is_it_is_tried_again_after_longer_and_longer_pauses() -> None:
    slept: list[float] = []
    said: list[str] = []
    lost, error = Unattended(said.append, slept.append), TimedOutError("It does not answer.")
    assert [lost(error) for _ in (*PAUSES_S, 0)] == [True] * len(PAUSES_S) + [False]
    assert slept == sorted(slept) == list(PAUSES_S)
    assert "1 min" in said[0]
    for status, again in ((Status.FAILED, False), (Status.DONE, True)):
        lost.watch(UnitEnded(0.0, UnitOutcome("Square 1", "Square", status)))
        assert lost(error) is again
