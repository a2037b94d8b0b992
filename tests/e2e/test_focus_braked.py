"""Focus runs that are paused and aborted, and instruments that lie."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eucentric.errors import (
    Aborted,
    InputError,
    InstrumentError,
    NotArrivedError,
)
from eucentric.focus import events
from eucentric.focus.control import Control
from eucentric.focus.focus import Focus
from eucentric.focus.methods.manual import Desk, Reply
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import (
    CorrectionType,
    ResetDefocus,
)
from eucentric.microscope.guarded import Guarded
from tests.e2e.focusing import BY_HAND, FINE, SURE, book_of, of_kind, opened, run, settings_of
from tests.e2e.wrapped import Dropping, Through


def test_a_paused_run_goes_on_when_it_is_resumed() -> None:
    control = Control()
    told: list[events.Event] = []

    def brake(event: events.Event) -> None:
        told.append(event)
        if isinstance(event, events.Measured) and not of_kind(told, events.Paused):
            control.pause()
        if isinstance(event, events.Paused) and not event.over:
            control.resume()

    microscope = opened()
    result = Focus(microscope, book_of(microscope), settings_of(FINE), observers=(brake,), control=control).run()
    assert [e.over for e in of_kind(told, events.Paused)] == [False, True]
    assert result.focused


def test_an_aborted_run_restores_everything() -> None:
    microscope = opened()
    microscope.set_beam_tilt((1e-3, 0.0))
    control = Control()
    told: list[events.Event] = []

    def stop(event: events.Event) -> None:
        told.append(event)
        if isinstance(event, events.Measured) and len(of_kind(told, events.Measured)) == 1:
            control.abort()

    focus = Focus(microscope, book_of(microscope), settings_of(FINE), observers=(stop,), control=control)
    with pytest.raises(Aborted):
        focus.run()
    assert microscope.beam_tilt_rad() == (1e-3, 0.0)
    assert microscope.preset().name == "sq"
    assert microscope.defocus_m() == 0
    assert isinstance(told[-1], events.Failed)
    assert told[-1].error.startswith("Aborted")
    taken = [frame.frame.dose_e_per_m2 or 0.0 for frame in of_kind(told, events.FrameTaken)]
    assert told[-1].dose_e_per_m2 == pytest.approx(sum(taken))
    control.release()
    assert focus.run().focused


@pytest.mark.parametrize(
    ("method", "after"), [("set_preset", 0), ("set_beam_tilt", 1), ("set_defocus", 0), ("set_defocus", 2)]
)
def test_a_set_that_does_not_arrive_ends_the_run_and_is_named(method: str, after: int) -> None:
    microscope = opened()
    with pytest.raises(NotArrivedError):
        run(Dropping(microscope, method, after), settings_of(FINE))


def test_what_the_instrument_cannot_do_is_said_before_anything_moves() -> None:
    microscope = opened()

    class Plain(Through):
        @property
        def capabilities(self) -> Any:
            return replace(self.inner.capabilities, defocus_zero=False)

    step = FINE.model_copy(update={"reset_defocus": ResetDefocus.YES})
    with pytest.raises(InstrumentError, match="defocus zero can't be reset"):
        run(Plain(microscope), settings_of(step))
    assert microscope.preset().name == "sq"


def test_the_confirmed_channels_grow_with_the_runs() -> None:
    microscope = opened()
    focus = Focus(microscope, book_of(microscope), settings_of(FINE))
    focus.run()
    assert focus.confirmed == {CorrectionType.DEFOCUS}


def test_a_guarded_microscope_can_be_braked_too() -> None:
    control = Control()
    microscope = opened()
    control.abort()
    with pytest.raises(Aborted):
        Focus(Guarded(microscope), book_of(microscope), settings_of(FINE), control=control).run()
    assert microscope.preset().name == "sq"


def test_the_checkpoint_of_a_guarded_microscope_is_looked_at_too() -> None:
    looked: list[int] = []
    microscope = opened()
    scope = Guarded(microscope, checkpoint=lambda: looked.append(1))
    Focus(scope, book_of(microscope), settings_of(FINE), control=Control(), confirmed=SURE).run(measure_only=True)
    assert looked


def test_two_runs_at_a_time_are_refused() -> None:
    said: list[str] = []
    microscope = opened()

    def again(event: events.Event) -> None:
        if isinstance(event, events.StepStarted):
            with pytest.raises(InstrumentError, match="already") as error:
                focus.run()
            said.append(str(error.value))

    focus = Focus(microscope, book_of(microscope), settings_of(FINE), observers=(again,), confirmed=SURE)
    assert focus.run().focused
    assert len(said) == 1


def test_an_instrument_error_says_what_stays_corrected() -> None:
    microscope = opened(column={"a1_m": 100e-9})
    told: list[events.Event] = []

    class Dying(Through):
        def acquire(self) -> Any:
            if of_kind(told, events.DefocusReset):
                raise InstrumentError("The camera is warm.")
            return self.inner.acquire()

    step = FINE.model_copy(
        update={"pattern": PatternName.CROSS_QUAD, "stig_correction": True, "reset_defocus": ResetDefocus.YES}
    )
    settings = settings_of(step, FINE.model_copy(update={"name": "again"}), accuracy_limit_m=None)
    focus = Focus(Dying(microscope), book_of(microscope), settings, observers=(told.append,), confirmed=SURE)
    with pytest.raises(InstrumentError, match="warm"):
        focus.run()
    assert isinstance(told[-1], events.Failed)
    for stays in ("Defocus stays at", "Stigmator stays at", "Defocus zero stays"):
        assert stays in told[-1].error


def test_an_abort_is_seen_while_the_operator_waits() -> None:
    control, microscope = Control(), opened()

    class Waiting:
        def focus(self, desk: Desk) -> Reply:
            desk.step_defocus(0.5e-6)
            control.abort()
            desk.check()
            raise AssertionError("not reached")

    with pytest.raises(Aborted):
        run(microscope, settings_of(BY_HAND), operator=Waiting(), control=control)
    assert microscope.defocus_m() == 0


def test_an_operator_who_answers_nothing_is_told_what_to_answer() -> None:
    class Mute:
        def focus(self, desk: Desk) -> Any:
            desk.step_defocus(0.5e-6)

    microscope = opened()
    with pytest.raises(InputError, match="Reply"):
        run(microscope, settings_of(BY_HAND), operator=Mute())
    assert microscope.defocus_m() == 0
