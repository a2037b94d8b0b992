"""What the operator answers when the instrument is lost."""

from __future__ import annotations

import pytest

from eucentric.cli.session_lost import Lost
from eucentric.errors import TimedOutError


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
