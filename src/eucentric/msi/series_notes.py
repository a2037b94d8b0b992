"""What a tilt series is given, what it writes down as it goes, and how it ends: plain frozen values.

Everything that a later tilt needs of an earlier one is in the notes, so that a series is taken up where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import Field

from eucentric.calibration.book import CalibrationBook
from eucentric.focus.control import Control
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.msi.application import GridSettings, NodeSettings
from eucentric.msi.events import Observer
from eucentric.msi.outcome import Exposure, FocusFound, Status
from eucentric.msi.units import Unit

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TiltTaken:
    """The image of tilt `number` was taken: lens setting and image shift (across the tilt axis, along it), metres."""

    number: int
    alpha_rad: float
    lens_m: float
    shift_m: Vector
    exposure: Exposure
    kind: Literal["taken"] = "taken"


@dataclass(frozen=True, slots=True)
class TiltTracked:
    """Where the feature lay, on the images of tilt `number`: (across, along) the tilt axis from where it was in the
    middle of the first image, metres; `sigma_m` per component. `dose_e_per_m2` where the image was not an exposure.
    """

    number: int
    alpha_rad: float
    at_m: Vector
    sigma_m: float
    kind: Literal["tracked"] = "tracked"


@dataclass(frozen=True, slots=True)
class TiltFocus:
    """Focus was measured at tilt `number`, on the focus target on this `side` of the feature (±1 along the tilt axis).

    `lens_m` is the lens setting that focuses it, None where the measurement was refused: `why` says it.
    """

    number: int
    alpha_rad: float
    side: int
    lens_m: float | None
    sigma_m: float
    images: int
    dose_e_per_m2: float
    why: str = ""
    kind: Literal["focus"] = "focus"


Note: TypeAlias = Annotated[TiltTaken | TiltTracked | TiltFocus, Field(discriminator="kind")]
"""One line of the series' diary."""


class Diary(Protocol):
    """Where a series is written down: the session's journal, which outlives the process."""

    def notes(self) -> tuple[Note, ...]:
        """All notes of this series so far, in order."""
        ...

    def begun(self) -> frozenset[int]:
        """The numbers of the tilts whose exposure was begun."""
        ...

    def begin(self, number: int) -> None:
        """Write that the exposure of a tilt begins; it is on the disk when this returns."""
        ...

    def keep(self, number: int, exposure: Exposure, frame: Frame) -> Exposure:
        """Keep an image; the exposure with its file."""
        ...

    def write(self, note: Note) -> None:
        """Write a note; it is on the disk when this returns."""
        ...

    def image(self, taken: TiltTaken) -> Frame:
        """An image that was kept. Raises InputError where it can't be read."""
        ...


@dataclass(frozen=True, slots=True)
class SeriesTask:
    """A tilt series to be taken where the stage stands (x, y and z of the unit's place).

    `height_within_m` bounds |height| of the place from the eucentric plane (3 σ). `start` is what focusing found
    nearby before, None for nothing.
    """

    unit: Unit
    node: NodeSettings
    grid: GridSettings
    scope: Guarded
    book: CalibrationBook
    height_within_m: float
    start: FocusFound | None = None
    observers: tuple[Observer, ...] = ()
    control: Control | None = None
    workers: int = 2


@dataclass(frozen=True, slots=True)
class SeriesEnd:
    """How a series ended: all its exposures, and what focusing took. `interrupted` are the tilts (rad) whose exposure
    had begun when the process ended: they are not exposed again. `activities` are of this run alone."""

    status: Status
    why: str
    exposures: tuple[Exposure, ...]
    focus_exposures: int
    focus_dose_e_per_m2: float
    focus_tilts: tuple[float, ...]
    interrupted: tuple[float, ...] = ()
    activities: tuple[tuple[str, float], ...] = ()
