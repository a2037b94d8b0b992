"""`python -m eucentric.web.planned`: one plan, from what is asked on its input to what the page shows on its output.

It is a process of its own, so that it can be ended at any moment and takes nothing from a run: see planner.py.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable
from typing import TypeVar

from eucentric.errors import EucentricError, InputError
from eucentric.figures.plan import plan_figure
from eucentric.optimize.instrument import instrument_of, shipped_text
from eucentric.optimize.planning.asked import Asked, Cheapest, exposed_at
from eucentric.optimize.planning.plan import Plan, plan
from eucentric.optimize.planning.sequence import settings_of
from eucentric.optimize.planning.shown import show_dose, show_time, shown_steps
from eucentric.units import parse
from eucentric.web import forms, models

_POLITE = 5  # steps of niceness: a run needs the processor too
_T = TypeVar("_T")


class FieldError(InputError):
    """What stands in one field of a form can't be used."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def asked_of(wanted: models.ToPlan) -> Asked:
    """What is asked of the planner. Raises FieldError."""
    _read("instrument", lambda: shipped_text(wanted.instrument))  # no file of this machine is read
    return Asked(
        _read("start", lambda: _quantity("Start", wanted.start, "m", "500 µm")),
        _read("accuracy", lambda: _quantity("Accuracy", wanted.accuracy, "m", "0.1 µm")),
        wanted.probability,
        _read("tilt_max", lambda: _quantity("Tilt at most", wanted.tilt_max, "rad", "10 mrad"))
        if wanted.tilt_max
        else None,
        Cheapest(wanted.saves),
        at=exposed_at(instrument_of(wanted.instrument)),
    )


def _quantity(title: str, text: str | None, unit: str, example: str) -> float:
    try:
        if text and any(c.isalpha() for c in text):
            return parse(text.replace("−", "-"), unit)
    except InputError:
        pass
    raise InputError(f"{title} is '{text or ''}'. Write it with its unit, for example {example}.")


def _read(field: str, make: Callable[[], _T]) -> _T:
    try:
        return make()
    except EucentricError as error:
        raise FieldError(field, str(error)) from error


def planned(wanted: models.ToPlan) -> models.Planned:
    """The cheapest sequence that reaches what is asked. Raises FieldError, SettingsError."""
    there, asked = instrument_of(wanted.instrument), asked_of(wanted)
    made = plan(there, asked)
    picture = io.BytesIO()
    plan_figure(made, there).savefig(picture, format="png")
    return models.Planned(
        said=f"{show_dose(made.dose_e_per_m2)} and {show_time(made.seconds)}, held at {asked.at}",
        steps=_rows(made),
        picture=base64.b64encode(picture.getvalue()).decode(),
        values=forms.values_of(settings_of(made, there)),
    )


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


def main() -> None:
    """Read what is asked, write what came of it."""
    if hasattr(os, "nice"):
        os.nice(_POLITE)
    wanted = models.ToPlan.model_validate_json(sys.stdin.read())
    try:
        told = models.PlanMade(made=planned(wanted))
    except EucentricError as error:
        told = models.PlanMade(sentence=str(error))
    sys.stdout.write(told.model_dump_json())


if __name__ == "__main__":
    main()
