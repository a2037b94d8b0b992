"""What is brought back: stage x and y, image shift, absolute focus and its zero; and nothing moves that need not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from eucentric.errors import InstrumentError, LimitError, NoImageError, NotArrivedError
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part
from eucentric.microscope.protocol import Capabilities
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope
from eucentric.microscope.worker import Timeouts

TINY = (32, 32)
# Focus is a sum of two settings: it comes back to rounding.
ROUNDING_M = 1e-18


def tiny(kind: type[SimulatedMicroscope] = SimulatedMicroscope) -> Any:
    return kind(perfect(), seed=1, size=TINY)


class Counting(SimulatedMicroscope):
    """Counts what moves it."""

    writes = 0

    def _written(self) -> bool:
        self.writes += 1
        return super()._written()


def test_a_target_elsewhere_is_left_again() -> None:
    """Stage x, y and image shift; all axes of the stage."""
    scope = Guarded(tiny())
    scope.move_stage(x_m=2e-6, y_m=-1e-6)
    scope.set_image_shift((1e-6, 0.5e-6))
    before = (scope.stage(), scope.image_shift_m())
    with scope.preserved():
        scope.move_stage(x_m=9e-6, y_m=5e-6, z_m=1e-6, alpha_rad=0.1)
        scope.set_image_shift((-3e-6, 0.0))
    assert (scope.stage(), scope.image_shift_m()) == before
    with scope.preserved(keep={Part.STAGE_XY, Part.IMAGE_SHIFT}):
        scope.move_stage(x_m=9e-6)
        scope.set_image_shift((-3e-6, 0.0))
    assert (scope.stage().x_m, scope.image_shift_m()) == (9e-6, (-3e-6, 0.0))


def test_each_part_is_moved_once_and_only_when_it_changed() -> None:
    inner = tiny(Counting)
    scope = Guarded(inner)
    scope.set_defocus(0.1e-6 + 0.2e-6)  # numbers that round
    scope.reset_defocus()
    scope.set_defocus(-0.7e-6)
    with scope.preserved():
        changed = inner.writes
    assert inner.writes == changed
    with scope.preserved():
        scope.set_defocus(1e-6)
        scope.move_stage(x_m=1e-6)
        changed = inner.writes
    assert inner.writes == changed + 2


def test_an_accepted_reset_of_defocus_stays() -> None:
    """The lens is where the correction put it, and that is defocus 0."""
    scope = Guarded(tiny())
    scope.set_defocus(1e-6)
    with scope.preserved() as memory:
        scope.set_defocus(3e-6)
        scope.reset_defocus()
        memory.accept(Part.DEFOCUS)
        scope.set_defocus(2e-6)
    assert memory.accepted == {Part.DEFOCUS: (0.0, 0.0)}
    assert scope.focus_m() == pytest.approx(3e-6, abs=ROUNDING_M)
    assert scope.defocus_m() == pytest.approx(0.0, abs=ROUNDING_M)


def test_a_reset_of_defocus_that_is_not_accepted_is_taken_back() -> None:
    scope = Guarded(tiny())
    scope.set_defocus(1e-6)
    with scope.preserved():
        scope.set_defocus(3e-6)
        scope.reset_defocus()
        scope.set_defocus(-1e-6)
    assert scope.focus_m() == pytest.approx(1e-6, abs=ROUNDING_M)
    assert scope.defocus_m() == pytest.approx(1e-6, abs=ROUNDING_M)


def test_keeping_defocus_keeps_its_zero() -> None:
    scope = Guarded(tiny())
    with scope.preserved(keep={Part.DEFOCUS}):
        scope.set_defocus(3e-6)
        scope.reset_defocus()
        scope.set_defocus(1e-6)
    assert scope.focus_m() == pytest.approx(4e-6, abs=ROUNDING_M)
    assert scope.defocus_m() == pytest.approx(1e-6, abs=ROUNDING_M)


def test_the_limit_of_defocus_is_one_of_the_lens() -> None:
    """Wherever defocus zero is: ±500 µm from eucentric focus, and no further by resetting on the way."""
    scope = Guarded(tiny())
    scope.set_defocus(400e-6)
    scope.reset_defocus()
    with pytest.raises(LimitError, match=r"±500.000 µm"):
        scope.set_defocus(101e-6)
    with pytest.raises(LimitError, match="nan"):
        scope.set_defocus(float("nan"))
    assert scope.focus_m() == 400e-6
    scope.set_defocus(100e-6)
    scope.set_defocus(-900e-6)
    assert scope.focus_m() == pytest.approx(-500e-6)


def test_image_shift_has_a_limit_and_is_read_back() -> None:
    scope = Guarded(tiny())
    with pytest.raises(LimitError, match=r"Image shift of 21.213 µm .* ±20.000 µm"):
        scope.set_image_shift((15e-6, -15e-6))
    assert scope.image_shift_m() == (0.0, 0.0)
    scope.inner.magnitudes = scope.inner.magnitudes.model_copy(update={"dropped_writes": 1.0})  # type: ignore[attr-defined]
    for act in (lambda: scope.set_image_shift((0.0, 1e-6)), lambda: scope.set_defocus(1e-6)):
        with pytest.raises(NotArrivedError):
            act()


class AbortError(Exception):
    """The operator's."""


def _all(acts: Sequence[Callable[[], object]]) -> None:
    for act in acts:
        act()


def test_the_checkpoint_comes_before_everything_that_moves_waits_or_exposes() -> None:
    """Each in turn is stopped before it acts; restoring is never stopped."""
    inner = tiny(Counting)
    state = {"left": 10**9}

    def checkpoint() -> None:
        state["left"] -= 1
        if state["left"] < 0:
            raise AbortError

    scope = Guarded(inner, checkpoint=checkpoint)
    acts: list[Callable[[], object]] = [
        lambda: scope.set_preset("fa"),
        lambda: scope.set_beam_tilt((1e-3, 0.0)),
        lambda: scope.set_defocus(1e-6),
        scope.reset_defocus,
        scope.normalize,
        lambda: scope.set_image_shift((1e-6, 0.0)),
        lambda: scope.set_stigmator((0.1, 0.0)),
        lambda: scope.move_stage(z_m=1e-6),
        scope.acquire,
        lambda: scope.wait(0.1),
    ]
    reads = (scope.preset().name, scope.focus_m(), scope.stage(), scope.now_s())
    for allowed in range(len(acts)):
        state["left"] = allowed
        with pytest.raises(AbortError), scope.preserved():
            _all(acts)
        assert (scope.preset().name, scope.focus_m(), scope.stage(), scope.defocus_m()) == (*reads[:3], 0.0), allowed
    state["left"] = 0
    written, now_s = inner.writes, scope.now_s()
    for act in acts:
        with pytest.raises(AbortError):
            act()
    assert (inner.writes, scope.now_s()) == (written, now_s)


def test_a_read_back_that_is_no_number_is_no_arrival() -> None:
    scope = Guarded(tiny())
    readings = iter((0.0, float("nan")))
    scope.inner.defocus_m = lambda: next(readings)  # type: ignore[method-assign]
    with pytest.raises(NotArrivedError, match="reads nan"):
        scope.set_defocus(1e-6)


def test_another_checkpoint_for_the_same_instrument() -> None:
    """Thread and last image are shared: what was taken there is stale here."""
    scope = Guarded(tiny())
    calls: list[str] = []
    other = scope.with_checkpoint(lambda: calls.append("seen"))
    frame = scope.acquire()
    scope.inner.acquire = lambda: frame  # type: ignore[method-assign]
    with pytest.raises(NoImageError):
        other.acquire()
    assert calls == ["seen"]
    scope.set_beam_tilt((1e-3, 0.0))
    assert calls == ["seen"]
    assert other.beam_tilt_rad() == (1e-3, 0.0)


def test_a_long_wait_can_be_stopped_within_a_slice() -> None:
    calls: list[float] = []
    scope = Guarded(tiny(), checkpoint=lambda: calls.append(scope.now_s()))
    scope.wait(10.1)
    assert scope.now_s() == pytest.approx(10.1)
    assert max(later - one for one, later in zip(calls, [*calls[1:], 10.1], strict=True)) <= 0.25 + 1e-9


def test_a_part_that_hangs_is_named_and_the_others_are_restored() -> None:
    """The coils' server hangs from the second tilt on: a time-out ends the measurement, all else is brought back."""
    gate = threading.Event()

    class Hanging(SimulatedMicroscope):
        def set_beam_tilt(self, tilt_rad: Any) -> None:
            if self.beam_tilt_rad() != (0.0, 0.0):
                gate.wait()
            super().set_beam_tilt(tilt_rad)

    scope = Guarded(tiny(Hanging), timeouts=Timeouts(set_s=0.5, after_hang_s=2.0))

    def measures() -> None:
        with scope.preserved():
            scope.set_defocus(2e-6)
            scope.move_stage(x_m=1e-6, z_m=3e-6)
            scope.set_beam_tilt((1e-3, 0.0))
            scope.set_beam_tilt((-1e-3, 0.0))

    try:
        with pytest.raises(Exception, match="'set_beam_tilt' did not return within") as caught:
            measures()
    finally:
        gate.set()
    assert len(caught.value.__notes__) == 2
    assert "beam tilt could not be restored" in caught.value.__notes__[0]
    assert "beam tilt has not returned and may still arrive" in caught.value.__notes__[1]
    stage = scope.stage()
    assert (scope.defocus_m(), stage.x_m, stage.z_m) == (0.0, 0.0, 0.0)


def test_parts_that_are_not_there_are_never_called() -> None:
    """An instrument without stigmator, stage tilt, image shift, defocus zero and normalisation."""

    class Simple(SimulatedMicroscope):
        @property
        def capabilities(self) -> Capabilities:
            return Capabilities(stigmator=False, stage_alpha=False)

        def _absent(self, *_: Any) -> Any:
            raise AssertionError

        focus_m = reset_defocus = normalize = image_shift_m = set_image_shift = _absent
        stigmator = set_stigmator = _absent

    scope = Guarded(tiny(Simple))
    with scope.preserved() as memory:
        scope.set_defocus(2e-6)
        memory.accept(Part.DEFOCUS)
        scope.set_defocus(3e-6)
        scope.move_stage(z_m=1e-6)
    assert memory.accepted == {Part.DEFOCUS: (2e-6, 0.0)}
    assert (scope.defocus_m(), scope.stage().z_m) == (2e-6, 0.0)
    for act in (scope.focus_m, scope.reset_defocus, scope.normalize, lambda: scope.set_image_shift((0.0, 0.0))):
        with pytest.raises(InstrumentError, match=r"has not .* Nothing moved"):
            act()
    with pytest.raises(LimitError):
        scope.set_defocus(501e-6)


def test_an_interrupt_in_the_middle_of_an_exposure_restores() -> None:
    """Ctrl-C while the camera exposes: what was changed is brought back, after the exposure that was under way."""

    class Interrupted(SimulatedMicroscope):
        def acquire(self) -> Frame:
            signal.raise_signal(signal.SIGINT)
            return super().acquire()

    inner = tiny(Interrupted)
    scope = Guarded(inner)

    def exposes() -> None:
        with scope.preserved():
            scope.set_preset("fa")
            scope.set_beam_tilt((1e-3, 0.0))
            scope.acquire()
            scope.acquire()

    with pytest.raises(KeyboardInterrupt):
        exposes()
    assert (scope.preset().name, scope.beam_tilt_rad()) == ("sq", (0.0, 0.0))


def test_a_hung_instrument_does_not_keep_the_program_alive() -> None:
    """A program whose instrument never answers says so, restores what it can, and ends."""
    program = """
import threading
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import open_microscope
from eucentric.microscope.worker import Timeouts
inner = open_microscope("simulated", size=32, perfect=True)
inner.acquire = threading.Event().wait
scope = Guarded(inner, timeouts=Timeouts(exposure_s=0.05))
with scope.preserved():
    scope.set_defocus(1e-6)
    try:
        scope.acquire()
    except Exception as error:
        print(type(error).__name__)
print(scope.defocus_m())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["TimedOutError", "0.0"]
    assert done.stderr == ""
