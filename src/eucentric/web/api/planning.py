"""The API of the planner."""

from __future__ import annotations

from fastapi import APIRouter

from eucentric.web import models
from eucentric.web.api.acting import REFUSALS, done
from eucentric.web.room import Room


def router(room: Room) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/plan", tags=["plan"], responses=REFUSALS)

    @api.post("")
    def make(wanted: models.ToPlan) -> models.Planned:
        """The cheapest sequence that reaches what is asked: answered when it is made, cancelled or refused."""
        return room.planner.make(wanted)

    @api.get("")
    def last() -> models.LastPlan:
        """What was asked last, by whom ever, and what came of it."""
        return room.planner.last

    @api.delete("")
    def cancel() -> models.Sentence:
        """End the plan that is being made."""
        return done("" if room.planner.cancel() else "No plan is being made.")

    return api
