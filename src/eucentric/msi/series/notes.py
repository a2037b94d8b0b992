"""What a tilt series writes down as it goes: all that a later tilt needs of an earlier one, in the journal.

Each note has the number of the session's run in which it was written (from 1; 0: not written yet).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import Field, TypeAdapter

from eucentric.images.files import read_frame
from eucentric.images.frame import Frame
from eucentric.msi.journal import Journal, image_file
from eucentric.msi.outcome import Exposure

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TiltBegun:
    """The exposure of tilt `number` begins, with the image shift (across the tilt axis, along it).

    `lens_m` is the lens setting predicted to be in focus there, `sigma_m` its 1σ. `exposure` is what it is to be.
    """

    number: int
    alpha_rad: float
    shift_m: Vector
    lens_m: float
    sigma_m: float
    exposure: Exposure
    run: int = 0
    kind: Literal["begun"] = "begun"


@dataclass(frozen=True, slots=True)
class TiltTaken:
    """It was taken and kept; None: it was begun, and the process ended before it was there."""

    number: int
    exposure: Exposure | None
    run: int = 0
    kind: Literal["taken"] = "taken"


@dataclass(frozen=True, slots=True)
class TiltTracked:
    """Where the feature lay at tilt `number`: (across, along) the tilt axis, from where it was in the first image;
    metres, with the 1σ of each."""

    number: int
    alpha_rad: float
    at_m: Vector
    sigma_m: float
    run: int = 0
    kind: Literal["tracked"] = "tracked"


@dataclass(frozen=True, slots=True)
class TiltLooked:
    """An image of the focus target on this `side`, before the exposure: where the feature must lie then (None: not
    told), as in `TiltTracked`."""

    number: int
    alpha_rad: float
    side: int
    dose_e_per_m2: float
    at_m: Vector | None
    sigma_m: float
    run: int = 0
    kind: Literal["looked"] = "looked"


@dataclass(frozen=True, slots=True)
class TiltFocus:
    """Focus was measured at tilt `number`, on the focus target on this `side` of the feature (±1 along the tilt axis).

    `lens_m` is the lens setting that focuses it, None where the measurement was refused: `why` says it. `sigma_m` is
    its whole 1σ, `shared_m` what of it all measurements share.
    """

    number: int
    alpha_rad: float
    side: int
    lens_m: float | None
    sigma_m: float
    dose_e_per_m2: float
    why: str = ""
    shared_m: float = 0.0
    run: int = 0
    kind: Literal["focus"] = "focus"


@dataclass(frozen=True, slots=True)
class TiltDoubted:
    """What focus told at tilt `number` on this `side` is not believed: `why` says it."""

    number: int
    side: int
    why: str
    run: int = 0
    kind: Literal["doubted"] = "doubted"


@dataclass(frozen=True, slots=True)
class TiltTrusted:
    """Both sides told the same at tilt `number`: what was doubted there is believed after all."""

    number: int
    run: int = 0
    kind: Literal["trusted"] = "trusted"


Note: TypeAlias = Annotated[
    TiltBegun | TiltTaken | TiltTracked | TiltLooked | TiltFocus | TiltDoubted | TiltTrusted,
    Field(discriminator="kind"),
]
_N = TypeVar("_N", TiltBegun, TiltTaken, TiltTracked, TiltLooked, TiltFocus, TiltDoubted, TiltTrusted)
_NOTE: TypeAdapter[Note] = TypeAdapter(Note)


class Diary:
    """The notes of one tilt series in the session's journal, and its images."""

    def __init__(self, journal: Journal, key: str) -> None:
        self._journal = journal
        self._key = key
        self.run = journal.noted.runs
        self.notes: list[Note] = [_NOTE.validate_python(body) for body in journal.noted.tilts.get(key, ())]

    def write(self, note: _N) -> _N:
        """Write a note, and give it back with its run; it is on the disk when this returns."""
        note = replace(note, run=self.run)
        self._journal.tilt(self._key, _NOTE.dump_python(note, mode="json"))
        self.notes.append(note)
        return note

    def file_of(self, number: int, alpha_rad: float) -> str:
        """Where the image of a tilt is kept: "images/Square 1/Hole 1/Tilt series 1/04 +03.0 deg.mrc"."""
        return image_file(self._key, f"{number:02d} {math.degrees(alpha_rad):+05.1f} deg")

    def keep(self, begun: TiltBegun, exposure: Exposure, frame: Frame) -> None:
        """Keep an image, then write that it was taken. Raises KeepError where it can't be kept."""
        self._journal.keep(exposure.file, frame)
        self.write(TiltTaken(begun.number, exposure))

    def settle(self) -> None:
        """Write what became of exposures that had begun when the process ended: kept, or lost."""
        for begun in self.of(TiltBegun):
            if all(taken.number != begun.number for taken in self.of(TiltTaken)):
                kept = self._journal.kept(begun.exposure.file)
                self.write(TiltTaken(begun.number, begun.exposure if kept else None))

    def of(self, kind: type[_N]) -> list[_N]:
        """The notes of one kind, in order."""
        return [note for note in self.notes if isinstance(note, kind)]

    def believed(self, focus: TiltFocus) -> bool:
        """Whether a focus was found, and nothing spoke against it."""
        at = (focus.number, focus.side, focus.run)
        doubted = any((note.number, note.side, note.run) == at for note in self.of(TiltDoubted))
        trusted = any((note.number, note.run) == (focus.number, focus.run) for note in self.of(TiltTrusted))
        return focus.lens_m is not None and (trusted or not doubted)

    def image(self, exposure: Exposure) -> Frame:
        """An image that was kept. Raises InputError where it can't be read."""
        return read_frame(self._journal.folder / exposure.file)
