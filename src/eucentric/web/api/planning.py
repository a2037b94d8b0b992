"""The API of the planner."""

from __future__ import annotations

import base64
import io
import threading

from fastapi import APIRouter

from eucentric.figures.plan import plan_figure
from eucentric.optimize.instrument import instrument_of, shipped_text
from eucentric.optimize.planning.plan import Asked, Cheapest, Plan, plan
from eucentric.optimize.planning.sequence import settings_of
from eucentric.optimize.planning.shown import show_dose, show_time, shown_steps
from eucentric.units import parse
from eucentric.web import forms, models
from eucentric.web.api.acting import REFUSALS
from eucentric.web.room import Room


def router(_room: Room) -> APIRouter:
    """The routes."""
    computing = threading.Lock()  # one plan at a time: a run needs the processor too
    api = APIRouter(prefix="/plan", tags=["plan"], responses=REFUSALS)

    @api.post("")
    def make(wanted: models.ToPlan) -> models.Planned:
        """The cheapest sequence that reaches what is asked."""
        shipped_text(wanted.instrument)  # no file of this machine is read for a browser
        there = instrument_of(wanted.instrument)
        tilt = None if not wanted.tilt_max else parse(wanted.tilt_max, "rad")
        asked = Asked(
            parse(wanted.start, "m"), parse(wanted.accuracy, "m"), wanted.probability, tilt, Cheapest(wanted.saves)
        )
        with computing:
            made = plan(there, asked)
            picture = io.BytesIO()
            plan_figure(made, there).savefig(picture, format="png")
        return models.Planned(
            said=f"{show_dose(made.dose_e_per_m2)} and {show_time(made.seconds)}",
            steps=_rows(made),
            picture=base64.b64encode(picture.getvalue()).decode(),
            values=forms.values_of(settings_of(made, there)),
        )

    return api


def _rows(made: Plan) -> list[dict[str, str]]:
    return [
        {
            "step": one.name,
            "preset": one.magnification,
            "pixel": one.pixel,
            "tilt": one.tilt,
            "pattern": one.pattern,
            "corrects by": one.correction,
            "from": one.start,
            "to": one.leaves,
            "range": one.range,
            "looks": one.looks,
            "electrons": one.dose,
            "time": one.time,
        }
        for one in shown_steps(made)
    ]
