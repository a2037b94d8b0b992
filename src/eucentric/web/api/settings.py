"""The API of settings: the forms, what is on the shelf, checking and saving."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from eucentric.errors import InputError, SettingsError
from eucentric.focus.toml import read_toml, to_toml
from eucentric.web import forms, models
from eucentric.web.api.acting import REFUSALS, controls, done
from eucentric.web.room import Room
from eucentric.web.shelf import Shelf
from eucentric.web.wrong import wrong_in


def router(room: Room) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/settings", tags=["settings"], responses=REFUSALS)

    @api.get("/form")
    def form() -> dict[str, Any]:
        """The fields of all forms: title, kind, unit, bounds, help."""
        return forms.forms()

    @api.get("")
    def entries() -> list[models.Entry]:
        """What is on the shelf: saved ones first, then those that come along."""
        return [models.Entry(**asdict(entry)) for entry in _shelf(room).entries()]

    @api.get("/one/{name}")
    def one(name: str) -> models.Named:
        """Settings by name, as a form has them and as the file that they would be."""
        settings = _shelf(room).read(name)
        return models.Named(name=name, values=forms.values_of(settings), toml=to_toml(settings))

    _written(api, room)
    return api


def _written(api: APIRouter, room: Room) -> None:
    @api.post("/check")
    def check(wanted: models.Values) -> models.Checked:
        """Whether settings can be used, and what is wrong where they can't."""
        try:
            return models.Checked(good=True, toml=to_toml(forms.settings_of(wanted.values)))
        except SettingsError as error:
            fields = [
                models.Wrong(path=list(one.path), sentence=one.sentence) for one in wrong_in(error, wanted.values)
            ]
            return models.Checked(good=False, sentence=str(error), fields=fields)

    @api.post("/read")
    def read(wanted: models.Text) -> models.Values:
        """The settings in the text of a TOML file."""
        return models.Values(values=forms.values_of(read_toml(wanted.text)))

    @api.put("/one/{name:path}", dependencies=[controls(room)])
    def save(name: str, wanted: models.ToSave) -> models.Sentence:
        """Keep settings under a name."""
        path = _shelf(room).save(name, forms.settings_of(wanted.values), replace=wanted.replace)
        return done(f"Saved as {path}. They run with: eucentric focus --settings {shlex.quote(str(path))}")


def _shelf(room: Room) -> Shelf:
    if room.bench is None:
        raise InputError("This page shows the run of a command and has no settings. Start: eucentric serve")
    return room.bench.shelf
