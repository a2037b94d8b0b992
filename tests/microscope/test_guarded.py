"""The guard: limits before moving, read-back after setting, and everything restored whatever happens."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest

from eucentric.errors import InputError, InstrumentError, LimitError, NotArrivedError
from eucentric.microscope.guarded import Guarded, Part
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope

TINY = (32, 32)
CALLS = ("set_preset", "set_beam_tilt", "set_defocus", "set_stigmator", "move_stage", "acquire")


class Failing(SimulatedMicroscope):
    """A microscope whose call number `at` fails, before or after doing what it was asked."""

    def arm(self, at: int, error: BaseException, *, after: bool) -> None:
        self.armed = (at, error, after)
        self.count = 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in CALLS or "armed" not in self.__dict__:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            at, error, after = self.armed
            self.count += 1
            if self.count == at and not after:
                raise error
            result = found(*arguments, **named)
            if self.count == at:
                raise error
            return result

        return call


def tiny(kind: type[SimulatedMicroscope] = SimulatedMicroscope, dropped: float = 0.0, seed: int = 1) -> Any:
    return kind(perfect().model_copy(update={"dropped_writes": dropped}), seed=seed, size=TINY)


def state(scope: Microscope) -> tuple[Any, ...]:
    return (scope.preset().name, scope.beam_tilt_rad(), scope.defocus_m(), scope.stigmator(), scope.stage())


def measure(scope: Microscope) -> None:
    """What a careless measurement does: changes everything, and cleans nothing up."""
    scope.set_preset("fa")
    scope.set_defocus(2e-6)
    scope.set_stigmator((0.1, -0.2))
    scope.move_stage(z_m=3e-6, alpha_rad=0.02)
    for tilt in (-5e-3, 5e-3):
        scope.set_beam_tilt((0.0, tilt))
        scope.acquire()


def test_it_is_a_microscope() -> None:
    """The guard has the protocol of what it wraps."""
    assert isinstance(Guarded(tiny()), Microscope)


@pytest.mark.parametrize(
    ("call", "arguments", "named"),
    [
        ("set_beam_tilt", ((15e-3, 15e-3),), {}),
        ("set_beam_tilt", ((float("nan"), 0.0),), {}),
        ("set_defocus", (501e-6,), {}),
        ("set_defocus", (float("-inf"),), {}),
        ("set_stigmator", ((0.0, -1.1),), {}),
        ("move_stage", (), {"x_m": 1e-6, "z_m": -401e-6}),
        ("move_stage", (), {"z_m": 1e-6, "y_m": 1.1e-3}),
        ("move_stage", (), {"x_m": 1e-6, "alpha_rad": 1.3}),
    ],
)
def test_beyond_a_limit_nothing_moves(call: str, arguments: tuple[Any, ...], named: dict[str, float]) -> None:
    """The error names value and limit; no part has moved and no time has passed."""
    scope = Guarded(tiny())
    before = (*state(scope), scope.now_s())
    with pytest.raises(LimitError, match=r"the limit is ±.*Nothing was moved"):
        getattr(scope, call)(*arguments, **named)
    assert (*state(scope), scope.now_s()) == before


def test_messages_have_units() -> None:
    """Values as people read them."""
    scope = Guarded(tiny())
    with pytest.raises(LimitError, match=r"Beam tilt of 30.00 mrad .* ±20.00 mrad"):
        scope.set_beam_tilt((0.0, 30e-3))
    with pytest.raises(LimitError, match=r"Stage z of −450.000 µm .* ±400.000 µm"):
        scope.move_stage(z_m=-450e-6)
    with pytest.raises(InputError, match="no preset 'xx'"):
        scope.set_preset("xx")


def test_at_the_limit_it_moves() -> None:
    """Limits are allowed values."""
    scope = Guarded(tiny())
    scope.set_beam_tilt((0.0, -20e-3))
    scope.move_stage(z_m=400e-6)
    assert scope.beam_tilt_rad() == (0.0, -20e-3)
    assert scope.stage().z_m == 400e-6


@pytest.mark.parametrize(
    ("call", "arguments", "named"),
    [
        ("set_beam_tilt", ((0.0, 5e-3),), {}),
        ("set_beam_tilt", ((0.0, 1e-6),), {}),
        ("set_defocus", (1e-9,), {}),
        ("set_stigmator", ((0.0, 1e-4),), {}),
        ("move_stage", (), {"z_m": 20e-9}),
        ("set_preset", ("fa",), {}),
    ],
)
def test_a_dropped_write_is_noticed(call: str, arguments: tuple[Any, ...], named: dict[str, float]) -> None:
    """Also a small one: the read-back did not change at all."""
    with pytest.raises(NotArrivedError, match="Try again"):
        getattr(Guarded(tiny(dropped=1.0)), call)(*arguments, **named)


def test_setting_what_is_set_is_no_error() -> None:
    """Nothing was to move: a dropped write can't be told from an obeyed one, and need not."""
    Guarded(tiny(dropped=1.0)).set_beam_tilt((0.0, 0.0))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [RuntimeError("cable"), KeyboardInterrupt(), SystemExit(1)])
def test_all_is_restored_whichever_call_fails(error: BaseException, after: bool) -> None:
    """Each call in turn fails, before or after it acted: the microscope is left as it was found."""
    for at in range(1, 9):  # the calls that `measure` makes
        inner = tiny(Failing)
        scope = Guarded(inner)
        before = state(scope)
        inner.arm(at, error, after=after)
        told = InstrumentError if isinstance(error, Exception) else type(error)
        with pytest.raises(told), scope.preserved():
            measure(scope)
        assert state(scope) == before, at


@pytest.mark.parametrize("after", [False, True])
def test_a_second_interrupt_while_restoring_does_not_stop_it(after: bool) -> None:
    """Ctrl-C again: restoring goes on, then the interrupt is raised."""
    for at in range(9, 14):
        inner = tiny(Failing)
        scope = Guarded(inner)
        before = state(scope)
        inner.arm(at, KeyboardInterrupt(), after=after)
        with pytest.raises(KeyboardInterrupt), scope.preserved():
            measure(scope)
        assert state(scope) == before, at


def test_kept_parts_stay() -> None:
    """Defocus and z stay where a correction put them; tilt, preset, stigmator and alpha do not."""
    scope = Guarded(tiny())
    with scope.preserved(keep={Part.DEFOCUS, Part.STAGE_Z}):
        measure(scope)
    assert scope.defocus_m() == 2e-6
    assert scope.stage().z_m == 3e-6
    assert scope.stage().alpha_rad == 0
    assert (scope.preset().name, scope.beam_tilt_rad(), scope.stigmator()) == ("sq", (0.0, 0.0), (0.0, 0.0))


def test_accepted_values_are_returned_to() -> None:
    """After `accept` the corrected value is the one that is restored, also on an error later."""
    scope = Guarded(tiny())

    def corrects_and_fails() -> None:
        with scope.preserved() as memory:
            scope.set_defocus(1e-6)
            memory.accept(Part.DEFOCUS)
            scope.set_defocus(9e-6)
            raise RuntimeError("later")

    with pytest.raises(RuntimeError, match="later"):
        corrects_and_fails()
    assert scope.defocus_m() == 1e-6


def test_what_can_not_be_restored_is_said() -> None:
    """All writes are dropped at the end: each part is named, by an error or by notes on the one under way."""

    def measures_and_loses_contact(error: Exception | None) -> None:
        inner = tiny()
        scope = Guarded(inner)
        with scope.preserved():
            measure(scope)
            inner.magnitudes = inner.magnitudes.model_copy(update={"dropped_writes": 1.0})
            if error is not None:
                raise error

    with pytest.raises(InstrumentError, match=r"beam tilt could not be restored.*by hand"):
        measures_and_loses_contact(None)
    with pytest.raises(RuntimeError, match="cable") as caught:
        measures_and_loses_contact(RuntimeError("cable"))
    assert len(caught.value.__notes__) == 6


def test_restoring_outlasts_some_dropped_writes() -> None:
    """Half of all writes are lost: three attempts each restore most parts, and the rest is named, never forgotten."""
    for seed in range(8):
        inner = tiny(seed=seed)
        scope = Guarded(inner)
        before = state(scope)
        try:
            with scope.preserved():
                measure(scope)
                inner.magnitudes = inner.magnitudes.model_copy(update={"dropped_writes": 0.5})
        except InstrumentError as error:
            assert "could not be restored" in str(error)  # noqa: PT017
        else:
            assert state(scope) == before


def test_a_still_microscope_is_left_alone() -> None:
    """Nothing changed: nothing is set, no time passes."""
    scope = Guarded(tiny())
    with scope.preserved():
        pass
    assert scope.now_s() == 0


def test_frames_pass_through() -> None:
    """An image is an image."""
    frame = Guarded(tiny()).acquire()
    assert np.isfinite(frame.pixels).all()


def measure_and(inner: Any, scope: Microscope) -> None:
    """Measure, and let `inner` know that what follows is restoring."""
    measure(scope)
    inner.over = True


def test_what_was_interrupted_while_restoring_is_named() -> None:
    """Ctrl-C at each attempt to restore one part: the part is named in the notes."""

    class Interrupted(SimulatedMicroscope):
        over = False

        def set_beam_tilt(self, tilt_rad: Any) -> None:
            if self.over:
                raise KeyboardInterrupt
            super().set_beam_tilt(tilt_rad)

    inner = tiny(Interrupted)
    scope = Guarded(inner)
    with pytest.raises(KeyboardInterrupt) as caught, scope.preserved():
        measure_and(inner, scope)
    assert caught.value.__notes__ == ["The beam tilt could not be restored: it was interrupted. Restore it by hand."]
    assert scope.preset().name == "sq"


def test_a_signal_is_held_until_all_is_restored() -> None:
    """SIGINT in the middle of restoring: nothing is left half done, and the interrupt comes after it."""

    class Signalled(SimulatedMicroscope):
        over = False

        def set_preset(self, name: str) -> None:
            if self.over:
                signal.raise_signal(signal.SIGINT)
            super().set_preset(name)

    inner = tiny(Signalled)
    scope = Guarded(inner)
    before = state(scope)
    with pytest.raises(KeyboardInterrupt), scope.preserved():
        measure_and(inner, scope)
    assert state(scope) == before
