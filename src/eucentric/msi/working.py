"""One unit worked on until it has ended: begun anew where a call failed, given up where that is the target's matter,
paused where the instrument is lost.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace

from eucentric.errors import (
    CalibrationError,
    EucentricError,
    InputError,
    InstrumentError,
    KeepError,
    LimitError,
    NoImageError,
    NotArrivedError,
    SettingsError,
)
from eucentric.msi.application import Kind
from eucentric.msi.events import BegunAnew, InstrumentBack, InstrumentLost, PutRight, UnitBegan, UnitEnded
from eucentric.msi.exposing import expose_unit
from eucentric.msi.focusing import focus_unit
from eucentric.msi.found import look, put_right
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.series.unit import kept_tilts, series_unit, what_stands
from eucentric.msi.shared import SessionStops, Shared
from eucentric.msi.units import Unit

_AT_ONE_TARGET = (LimitError, CalibrationError, SettingsError, InputError)
"""Errors that end one unit, and not the session."""
_MAYBE_THE_TARGETS = (NoImageError, NotArrivedError)
"""Twice at one target it is the target's; every other error of an instrument is a connection that is gone."""
_TWICE = 2
_RUNNING = 3
"""At so many units running it is the instrument's after all."""
_PAUSES = 3
"""So often an instrument may be lost and come back at one unit: another time it is the unit that is the matter."""


class Working:
    """Does the work of units. `on_lost` is asked when the instrument is lost; True: try again."""

    def __init__(self, shared: Shared, on_lost: Callable[[InstrumentError], bool]) -> None:
        self._shared, self._on_lost = shared, on_lost
        self._in_vain = 0  # units running at which the instrument failed
        self._trouble = False  # it failed at this one
        self._last: InstrumentError | None = None  # with which it failed at this one

    def until_done(self, unit: Unit) -> None:
        """Work on a unit till it has ended. Raises SessionStops, Aborted, KeepError, and what is no error of ours."""
        shared = self._shared
        shared.unit, self._trouble, self._last = unit, False, None
        begun_s, failures, pauses = shared.audience.now_s(), 0, 0
        while True:
            shared.check()
            kept = kept_tilts(shared, unit)
            try:
                return self._one(unit, begun_s)
            except InstrumentError as error:
                self._trouble, self._last = True, error
                if kept_tilts(shared, unit) > kept:  # it came on
                    failures = pauses = 0
                failures += 1
                often = self._in_vain >= _RUNNING - 1
                if failures < _TWICE and not often:
                    self._begin_anew(unit, error)
                elif pauses == _PAUSES or (isinstance(error, _MAYBE_THE_TARGETS) and not often):
                    why = f"The instrument failed here {failures} times. Last: {words(error)}"
                    return self._done(_failed(shared, unit, why), begun_s)
                else:
                    pauses += 1
                    self._lost(unit, error)
            except (EucentricError, SessionStops):
                raise
            except Exception as error:
                if self._in_vain >= _RUNNING - 1:  # at every target: it is the program's
                    raise
                if self._unforeseen(unit, error, begun_s):
                    return None

    def _unforeseen(self, unit: Unit, error: Exception, begun_s: float) -> bool:
        """A fault of the program at one unit: begun anew; the second time it is the unit's, and True."""
        shared, what = self._shared, InstrumentError(f"{type(error).__name__}: {words(error)}")
        self._trouble = True
        shared.journal.broke(unit.key, "".join(traceback.format_exception(error)))
        if shared.journal.noted.broke[unit.key] < _TWICE:
            self._begin_anew(unit, what)
            return False
        self._done(
            _failed(shared, unit, f"An error that nobody foresaw, twice (journal.jsonl has it whole). {what}"), begun_s
        )
        return True

    def _one(self, unit: Unit, begun_s: float) -> None:
        shared = self._shared
        shared.audience.tell(UnitBegan(shared.audience.now_s(), unit))
        stop: SessionStops | None = None
        try:
            outcome = _WORK[shared.node(unit).kind](shared, unit)
        except SessionStops as asked:
            if asked.outcome is None:
                raise
            outcome, stop = asked.outcome, asked
        except KeepError:  # the disk's: at the next target it would be the same
            raise
        except _AT_ONE_TARGET as error:
            outcome = _failed(shared, unit, words(error))
        if outcome.status is Status.INTERRUPTED and self._last is not None:  # in this run: the camera gave no image
            outcome = replace(outcome, why=f"{words(self._last)} It may be exposed, and is not exposed again.")
        self._done(outcome, begun_s)
        if stop is not None:
            raise stop

    def _done(self, outcome: UnitOutcome, begun_s: float) -> None:
        shared = self._shared
        noted = shared.journal.noted
        outcome = replace(
            outcome,
            begun_s=begun_s,
            ended_s=shared.audience.now_s(),
            focus_dose_e_per_m2=noted.spent.get(outcome.key, 0.0),
            focus_exposures=noted.frames.get(outcome.key, 0),
            activities=_together(noted.outcomes.get(outcome.key), shared.activities.taken()),
        )
        shared.journal.done(outcome)
        self._in_vain = 0 if outcome.status is Status.DONE else self._in_vain + self._trouble
        shared.audience.tell(UnitEnded(shared.audience.now_s(), outcome))

    def _begin_anew(self, unit: Unit, error: InstrumentError) -> None:
        """Put right what the failure may have left changed, without asking; lost where that fails too."""
        tell, now_s = self._shared.audience.tell, self._shared.audience.now_s
        tell(BegunAnew(now_s(), unit, words(error)))
        try:
            self._put_right()
        except InstrumentError as worse:
            self._lost(unit, worse)

    def _lost(self, unit: Unit, error: InstrumentError) -> None:
        """Pause until the instrument answers again. Raises SessionStops where it is given up."""
        shared, back = self._shared, error
        with shared.activities.during("lost"):
            while True:
                shared.audience.tell(InstrumentLost(shared.audience.now_s(), unit, words(back)))
                if not self._on_lost(back):
                    raise SessionStops(
                        f"The instrument was lost at {unit.key}: {words(back)} Resume the session when it works again."
                    )
                shared.check()
                try:
                    self._put_right()
                except InstrumentError as again:
                    back = again
                else:
                    return shared.audience.tell(InstrumentBack(shared.audience.now_s(), unit))

    def _put_right(self) -> None:
        """What is put right before a unit is begun anew: the unit itself sets all that is not here."""
        shared = self._shared
        now = look(shared.scope)
        left = shared.journal.noted.to_put_right(now)
        shared.keep_left(left)
        put_right(
            shared.scope,
            replace(now, beam_tilt_rad=left.beam_tilt_rad, image_shift_m=left.image_shift_m, stigmator=left.stigmator),
            lambda said: shared.audience.tell(PutRight(shared.audience.now_s(), said)),
        )


def _together(before: UnitOutcome | None, now: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    """Seconds by activity, with those of what is replaced: it was focused once more."""
    seconds = dict(() if before is None else before.activities)
    for what, took in now:
        seconds[what] = seconds.get(what, 0.0) + took
    return tuple(seconds.items())


def words(error: BaseException) -> str:
    """What it says, and what else was told meanwhile: what could not be restored."""
    return " ".join(filter(None, (str(error), *getattr(error, "__notes__", ()))))


def _failed(shared: Shared, unit: Unit, why: str) -> UnitOutcome:
    """A unit that an error ended; of a tilt series what was taken stands."""
    if shared.node(unit).kind is Kind.TILT_SERIES:
        return what_stands(shared, unit, why)
    return UnitOutcome(unit.key, unit.node, Status.FAILED, why)


_WORK: dict[Kind, Callable[[Shared, Unit], UnitOutcome]] = {
    Kind.ACQUIRE: expose_unit,
    Kind.FOCUS: focus_unit,
    Kind.TILT_SERIES: series_unit,
}
