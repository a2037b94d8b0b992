"""What browsers send and get: the schemas of the API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MethodName = Literal["matched", "phase", "cross"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Sentence(_Body):
    """What was done, or why it was not; of a form that was not, the field that stands in the way."""

    sentence: str = ""
    field: str = ""


class WhichSettings(_Body):
    """Focus settings by their name on the shelf, or in full as a form has them."""

    name: str | None = None
    values: dict[str, Any] | None = None


class ToFocus(WhichSettings):
    """A sequence to run."""

    measure_only: bool = False
    """Measure with each step, correct nothing."""


class ToMeasure(WhichSettings):
    """One measurement, nothing corrected."""

    step: str | None = None
    """By the settings of this step; without it of the last one that measures by beam tilt."""


class ToRun(_Body):
    """A session to run."""

    application: str


class ByHand(_Body):
    """Manual focusing."""

    preset: str


class Move(_Body):
    """One step of the operator at the desk."""

    channel: Literal["defocus", "z"]
    change: str = Field(examples=["-0.5 um"])
    """How far, with its unit; positive is overfocus, or up."""


class Live(_Body):
    """Whether image after image is taken."""

    on: bool


class DoseMax(_Body):
    """How many electrons the images by hand may take here."""

    dose_max: str = Field(examples=["500 e/A2"])


class ToKeep(Sentence):
    """What keeping a lens setting as the eucentric focus would replace; the sentence asks."""

    focus_m: float


class Keep(_Body):
    """That it is to be kept."""

    focus_m: float
    """The absolute lens setting that was asked about, metres."""


class End(_Body):
    """How a manual step ends."""

    answer: Literal["done", "skip", "abort"]


class Values(_Body):
    """Settings as a form has them."""

    values: dict[str, Any]


class ToSave(Values):
    """Settings to be saved."""

    replace: bool = False
    """In place of what is saved under the name; without it a name that is taken is refused."""


class Entry(_Body):
    """Settings on the shelf."""

    name: str
    saved: bool
    title: str
    place: str = ""
    trouble: str = ""


class Named(_Body):
    """Settings in full."""

    name: str
    values: dict[str, Any]
    toml: str


class Wrong(_Body):
    """What is wrong in a field of a form, by its path in the values."""

    path: list[str | int]
    sentence: str


class Checked(_Body):
    """Whether settings can be used; if not why, as of a file, and field by field, as of a form."""

    good: bool
    sentence: str = ""
    fields: list[Wrong] = []
    toml: str = ""


class ToPlan(_Body):
    """What a plan is to reach. Quantities with their units."""

    instrument: str
    start: str = Field(examples=["500 um"])
    """The largest defocus error to start from."""
    accuracy: str = Field(examples=["100 nm"])
    """The defocus error that may be left."""
    probability: float = Field(default=0.99, ge=0.5, lt=1)
    tilt_max: str | None = None
    """The largest tilt of each image, for example "10 mrad"; without it the instrument's."""
    saves: Literal["both", "electrons", "time"] = "both"


class Planned(_Body):
    """A plan: its steps, its picture (PNG, base64), and the settings that run it."""

    said: str
    steps: list[dict[str, str]]
    picture: str
    values: dict[str, Any]


class PlanMade(_Body):
    """What came of a plan: itself, or why there is none."""

    made: Planned | None = None
    sentence: str = ""


class LastPlan(_Body):
    """The plan that was asked for last."""

    number: int = 0
    """Counted from the start of the server; 0: none was asked for."""
    phase: Literal["none", "making", "made", "refused", "cancelled"] = "none"
    asked: ToPlan | None = None
    began: str = ""
    sentence: str = ""
    """Why there is none."""
    result: Planned | None = None


class State(_Body):
    """All that the page shows in words, by kind."""

    model_config = ConfigDict(extra="allow")


class About(_Body):
    """What this server is."""

    version: str
    instrument: str
    starts: bool
    """Whether it can start anything."""
    presets: list[str]
    applications: list[str]
    instruments: list[str]
    """Names for the planner."""
    first: str
    """The settings that the command was started with."""
    history: bool
    """Whether there are records to look back at."""


class Text(_Body):
    """The text of a file."""

    text: str = Field(max_length=200_000)


class Otherwise(_Body):
    """How a stored measurement is made again; None: as it was."""

    method: MethodName | None = None
    cs_mm: float | None = Field(default=None, ge=-50, le=50)
    tilt_scale: float = Field(default=1.0, ge=0.1, le=10)
    """Factor on all beam tilts, as of another calibration."""


class Again(Otherwise):
    """A stored measurement to be made again and judged."""

    thresholds: dict[str, float] | None = None
    """When it is believed, by name; those that are not given are as they were."""
