"""What every state-changing call says about itself, and that it may: one browser controls."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header

from eucentric.web.models import Sentence
from eucentric.web.room import Room

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Sentence, "description": "The token is missing or wrong."},
    403: {"model": Sentence, "description": "It does not come from the server's own page."},
    409: {"model": Sentence, "description": "Not now: another browser controls, or too many ask at once."},
    410: {"model": Sentence, "description": "Its images are not kept any more."},
    421: {"model": Sentence, "description": "The server is not called so."},
    422: {"model": Sentence, "description": "It can't be done; the sentence says why."},
}
SCRIPT = "a script"

Client = Annotated[str, Header(alias="X-Eucentric-Client", max_length=64, description="Which browser asks.")]
Name = Annotated[str, Header(alias="X-Eucentric-Name", max_length=64, description="What it is called.")]


def controls(room: Room) -> Any:
    """A dependency: who asks must be in control, or takes it while it is free."""

    async def act(client: Client = SCRIPT, called: Name = SCRIPT) -> None:
        room.lease.act(client, called)

    return Depends(act)


def done(sentence: str = "") -> Sentence:
    """It was done."""
    return Sentence(sentence=sentence)
