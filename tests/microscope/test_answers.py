"""What an adapter answers, or fails to: always told as one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from eucentric.errors import InstrumentError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Capabilities, StagePosition
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope

TINY = (32, 32)
NOTHING = {
    **dict.fromkeys(("now_s", "defocus_m", "focus_m", "stigmator", "beam_tilt_rad", "image_shift_m"), None),
    **{"stage": StagePosition(0.0, 0.0, None, 0.0), "preset": None, "presets": (None,)},  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", NOTHING)
def test_an_answer_that_is_none_is_told(call: str) -> None:
    scope = Guarded(SimulatedMicroscope(perfect(), size=TINY))
    setattr(scope.inner, call, lambda: NOTHING[call])
    with pytest.raises(InstrumentError, match=rf"answered '{call}' with .*None.*try again"):
        getattr(scope, call)()


def test_what_an_instrument_is_is_asked_once() -> None:
    """The server is gone later: all that was set is restored without asking what the instrument can do."""

    class Gone(SimulatedMicroscope):
        asked = 0

        @property
        def capabilities(self) -> Capabilities:
            self.asked += 1
            if self.asked > 1:
                raise OSError("gone")
            return super().capabilities

    scope = Guarded(Gone(perfect(), size=TINY))
    with scope.preserved():
        scope.set_beam_tilt((1e-3, 0.0))
    assert scope.beam_tilt_rad() == (0.0, 0.0)


@pytest.mark.parametrize("name", ["name", "capabilities", "limits"])
def test_an_instrument_that_does_not_say_what_it_is(name: str) -> None:
    def fails(_: Any) -> Any:
        raise OSError("gone")

    kind = type("Mute", (SimulatedMicroscope,), {name: property(fails)})
    inner = SimulatedMicroscope(perfect(), size=TINY)
    inner.__class__ = kind
    with pytest.raises(InstrumentError, match=rf"failed in '{name}': gone"):
        Guarded(inner)
