"""The microscope in a process of its own: what drives it dies, and it stays as it was left."""

from __future__ import annotations

import signal

import pytest

from benchmarks.apart import CONTEXT, Apart, Door, Kill, connected
from eucentric.errors import InputError
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out

TILT_RAD = (1e-3, -2e-3)


def _drive(door: Door) -> None:
    scope = connected(door)
    scope.set_preset("fa")  # call 1
    scope.set_beam_tilt(TILT_RAD)  # 2
    scope.acquire()  # 3
    scope.set_beam_tilt((0.0, 0.0))  # 4


@pytest.mark.parametrize(
    ("kill", "images", "tilt_rad"), [(Kill(2), 0, TILT_RAD), (Kill(1, name="acquire"), 1, TILT_RAD)]
)
def test_it_stays_as_the_killed_left_it(kill: Kill, images: int, tilt_rad: tuple[float, float]) -> None:
    with Apart(seed=3, size=64) as apart:
        apart.arm(kill)
        process = CONTEXT.Process(target=_drive, args=(apart.door,))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert apart.state().beam_tilt_rad == tilt_rad
        assert apart.state().preset == "fa"
        exposed = [c for c in apart.calls() if c.name == "acquire"]
        assert len(exposed) == images
        assert {c.client for c in apart.calls()} == {process.pid}
        _goes_on(connected(apart.door))
        assert apart.state().beam_tilt_rad == (0.0, 0.0)


def _goes_on(scope: Microscope) -> None:
    """It answers the next one as any microscope does."""
    assert isinstance(scope, Microscope)
    assert scope.acquire().shape == (64, 64)
    assert handed_out(scope).instrument == scope.name == "simulated"
    with pytest.raises(InputError, match="no preset 'xx'"):
        scope.set_preset("xx")
    scope.set_beam_tilt((0.0, 0.0))


def test_a_limit_that_is_passed_is_kept() -> None:
    with Apart(seed=3, size=64, magnitudes={"limits": {"stage_z_max_m": 1e-6}}) as apart:
        scope = connected(apart.door)
        scope.move_stage(z_m=0.5e-6)
        scope.move_stage(z_m=2e-6)
        assert [c.beyond for c in apart.calls()] == ["", "stage z"]
