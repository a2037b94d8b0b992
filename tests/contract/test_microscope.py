"""The contract (contract.py) over the simulated microscope, bare and guarded, and what the guard adds to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eucentric.errors import LimitError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import open_microscope
from tests.contract.contract import STEP_M, MicroscopeContract


def simulated() -> Microscope:
    return open_microscope("simulated", seed=1, size=64)


class TestSimulated(MicroscopeContract):
    @pytest.fixture
    def scope(self) -> Microscope:
        return simulated()


class TestGuarded(MicroscopeContract):
    @pytest.fixture
    def scope(self) -> Microscope:
        return Guarded(simulated())


class TestGuardedTwice(MicroscopeContract):
    """Who is handed a guarded microscope may guard it once more."""

    @pytest.fixture
    def scope(self) -> Microscope:
        return Guarded(Guarded(simulated()))


def test_the_guard_refuses_beyond_the_limits_before_anything_moves() -> None:
    """One step beyond each limit that the instrument states; at the limit it goes."""
    scope = Guarded(simulated())
    limits = scope.limits
    before = (scope.beam_tilt_rad(), scope.defocus_m(), scope.image_shift_m(), scope.stage(), scope.now_s())
    beyond: list[Callable[[], None]] = [
        lambda: scope.set_beam_tilt((0.0, 1.01 * limits.tilt_max_rad)),
        lambda: scope.set_defocus(-1.01 * limits.defocus_max_m),
        lambda: scope.set_image_shift((0.0, 1.01 * limits.image_shift_max_m)),
        lambda: scope.move_stage(z_m=1.01 * limits.stage_z_max_m),
        lambda: scope.move_stage(x_m=-1.01 * limits.stage_xy_max_m),
        lambda: scope.move_stage(alpha_rad=1.01 * limits.stage_alpha_max_rad),
    ]
    for act in beyond:
        with pytest.raises(LimitError):
            act()
    after = (scope.beam_tilt_rad(), scope.defocus_m(), scope.image_shift_m(), scope.stage(), scope.now_s())
    assert after == before
    scope.set_beam_tilt((0.0, limits.tilt_max_rad))
    scope.set_defocus(limits.defocus_max_m)
    scope.set_image_shift((limits.image_shift_max_m, 0.0))


def test_the_guard_restores() -> None:
    """All that was changed inside reads at the end as it did before."""
    scope = Guarded(simulated())
    scope.set_defocus(0.3e-6)
    before = (scope.preset(), scope.beam_tilt_rad(), scope.defocus_m(), scope.stigmator(), scope.image_shift_m())
    with scope.preserved():
        scope.set_preset(scope.presets()[-1].name)
        scope.set_beam_tilt((1e-3, 2e-3))
        scope.set_defocus(-2e-6)
        scope.set_stigmator((0.2, 0.1))
        scope.set_image_shift((1e-6, 1e-6))
        scope.move_stage(x_m=3e-6, z_m=8e-6)
    after = (scope.preset(), scope.beam_tilt_rad(), scope.defocus_m(), scope.stigmator(), scope.image_shift_m())
    assert after == before
    stage = scope.stage()
    assert (stage.x_m, stage.z_m) == pytest.approx((0.0, 0.0), abs=STEP_M)
