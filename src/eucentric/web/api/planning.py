"""The API of the planner."""

from __future__ import annotations

import base64
import io
import threading

from fastapi import APIRouter

from eucentric.figures.plan import plan_figure
from eucentric.msi.words import length
from eucentric.optimize.instrument import instrument_of, shipped_text
from eucentric.optimize.planning import Asked, Cheapest, Plan, plan
from eucentric.optimize.sequence import names_of, settings_of
from eucentric.units import parse, show_angle
from eucentric.web import forms, models
from eucentric.web.api.acting import REFUSALS
from eucentric.web.room import Room

_E_PER_A2 = 1e20


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
            said=f"{made.dose_e_per_m2 / _E_PER_A2:.3g} e/Å² and {made.seconds:.0f} s",
            steps=_rows(made),
            picture=base64.b64encode(picture.getvalue()).decode(),
            values=forms.values_of(settings_of(made, there)),
        )

    return api


def _rows(made: Plan) -> list[dict[str, str]]:
    return [
        {
            "step": name,
            "preset": one.candidate.magnification.name,
            "pixel": f"{one.candidate.pixel_m * 1e9:.3g} nm",
            "tilt": f"±{show_angle(one.candidate.tilt_rad)}",
            "pattern": str(one.candidate.pattern),
            "corrects by": str(one.candidate.correction),
            "from": length(one.start_m),
            "to": length(one.leaves_m),
            "range": length(one.range_m),
            "looks": f"{one.looks:.2g}",
            "electrons": f"{one.dose_e_per_m2 / _E_PER_A2:.3g} e/Å²",
            "time": f"{one.seconds:.0f} s",
        }
        for name, one in zip(names_of(made), made.steps, strict=True)
    ]
