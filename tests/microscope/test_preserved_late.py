"""What is restored when calls do not come back: orders that arrive late, and a server that is dead."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from eucentric.errors import TimedOutError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope
from eucentric.microscope.worker import Timeouts

TINY = (32, 32)
# A call that hangs is given the short time; what answers has the longer ones, also on a busy machine.
SHORT_S, AFTER_HANG_S, LONG_S = 0.02, 0.7, 60.0


class Late(SimulatedMicroscope):
    """The first order to each part arrives only when the gate opens; the next are obeyed at once."""

    def __init__(self) -> None:
        super().__init__(perfect(), size=TINY)
        self.gate, self.seen = threading.Event(), list[str]()

    def _first_waits(self, name: str) -> None:
        self.seen.append(name)
        if self.seen.count(name) == 1:
            self.gate.wait()

    def set_beam_tilt(self, tilt_rad: Any) -> None:
        self._first_waits("tilt")
        super().set_beam_tilt(tilt_rad)

    def set_defocus(self, defocus_m: float) -> None:
        self._first_waits("defocus")
        super().set_defocus(defocus_m)

    def move_stage(self, **axes: float | None) -> None:
        self._first_waits("stage")
        super().move_stage(**axes)


SETS = [
    ("set_beam_tilt", ((-5e-3, 0.0),), {}),
    ("set_defocus", (-0.5e-6,), {}),
    ("move_stage", (), {"z_m": -1e-6}),
]


@pytest.mark.parametrize(("call", "arguments", "named"), SETS)
def test_an_order_that_lands_while_restoring_is_undone(call: str, arguments: tuple[Any], named: dict[str, Any]) -> None:
    """Its time is over, the reading is still right: restoring waits for it, then sets the part again."""
    inner = Late()
    scope = Guarded(inner, timeouts=Timeouts(set_s=AFTER_HANG_S, stage_s=AFTER_HANG_S, after_hang_s=LONG_S))
    before = (scope.beam_tilt_rad(), scope.defocus_m(), scope.stage())
    with pytest.raises(TimedOutError) as caught, scope.preserved():
        _then(inner, lambda: getattr(scope, call)(*arguments, **named))
    assert (scope.beam_tilt_rad(), scope.defocus_m(), scope.stage()) == before
    assert not hasattr(caught.value, "__notes__")


def _then(inner: Late, act: Any) -> None:
    try:
        act()
    finally:
        threading.Timer(SHORT_S, inner.gate.set).start()


@pytest.mark.parametrize(("call", "arguments", "named"), SETS)
def test_an_order_that_is_still_out_is_told(call: str, arguments: tuple[Any], named: dict[str, Any]) -> None:
    """It may land after everything: the part is set again all the same, and the operator is told to look."""
    inner = Late()
    scope = Guarded(inner, timeouts=Timeouts(set_s=AFTER_HANG_S, stage_s=AFTER_HANG_S, after_hang_s=AFTER_HANG_S))
    with pytest.raises(TimedOutError) as caught, scope.preserved():
        getattr(scope, call)(*arguments, **named)
    assert len(inner.seen) >= 2
    assert [note.split("may still")[1] for note in caught.value.__notes__] == [" arrive: check the instrument."]
    inner.gate.set()


def test_a_dead_server_is_given_up_after_one_reading() -> None:
    """All calls hang from one moment on: one reading is tried, one note names all that was set, and no thread more."""
    gate, tried = threading.Event(), list[str]()

    class Dead(SimulatedMicroscope):
        over = False

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name.startswith("_") or name == "over" or not super().__getattribute__("over") or name == "now_s":
                return found

            def hangs(*_: Any, **__: Any) -> None:
                tried.append(name)
                gate.wait()

            return hangs

    inner = Dead(perfect(), size=TINY)
    scope = Guarded(inner, timeouts=Timeouts(read_s=AFTER_HANG_S, after_hang_s=AFTER_HANG_S))

    def measures() -> None:
        with scope.preserved():
            scope.set_beam_tilt((1e-3, 0.0))
            scope.set_defocus(1e-6)
            scope.move_stage(z_m=1e-6)
            inner.over = True
            raise RuntimeError("cable")

    with pytest.raises(RuntimeError, match="cable") as caught:
        measures()
    gate.set()
    assert len(tried) == 1
    (note,) = caught.value.__notes__
    assert "answers no longer, so these could not be restored: beam tilt, defocus, stage z." in note
