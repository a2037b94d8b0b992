"""The API of what was kept."""

from __future__ import annotations

from fastapi import APIRouter

from eucentric.web.api.acting import REFUSALS
from eucentric.web.room import Room


def router(_room: Room) -> APIRouter:
    """The routes."""
    return APIRouter(prefix="/history", tags=["history"], responses=REFUSALS)
