"""The protocol of a microscope, as everything above relies on it: run it against every adapter, bare and guarded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from eucentric.errors import InputError, LimitError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import open_microscope

# Read-backs are what encoders say, so they agree to an encoder's step: 10 nm, 0.1 mrad. The rest is set by numbers.
STEP_M, STEP_RAD = 10e-9, 1e-4


def simulated() -> Microscope:
    return open_microscope("simulated", seed=1, size=64)


def guarded() -> Microscope:
    return Guarded(simulated())


@pytest.fixture(params=[simulated, guarded], ids=lambda kind: kind.__name__)
def scope(request: pytest.FixtureRequest) -> Microscope:
    opened: Callable[[], Microscope] = request.param
    return opened()


def test_it_has_the_protocol(scope: Microscope) -> None:
    assert isinstance(scope, Microscope)
    assert scope.name
    assert scope.voltage_v > 0
    assert all(limit > 0 for limit in asdict(scope.limits).values())


def test_presets_have_names_of_their_own_and_can_be_chosen(scope: Microscope) -> None:
    names = [preset.name for preset in scope.presets()]
    assert len(set(names)) == len(names) > 0
    for preset in scope.presets():
        scope.set_preset(preset.name)
        assert scope.preset() == preset
    with pytest.raises(InputError, match="has no preset 'nowhere'"):
        scope.set_preset("nowhere")
    assert scope.preset().name == names[-1]


def test_what_is_set_reads_back(scope: Microscope) -> None:
    """Also after a change of preset: beam tilt, defocus, stigmator and stage are not part of it."""
    scope.set_beam_tilt((3e-3, -2e-3))
    scope.set_defocus(-1.5e-6)
    scope.set_stigmator((0.1, -0.2))
    scope.move_stage(x_m=5e-6, z_m=-3e-6, alpha_rad=0.01)
    for preset in scope.presets():
        scope.set_preset(preset.name)
        assert scope.beam_tilt_rad() == pytest.approx((3e-3, -2e-3))
        assert scope.defocus_m() == pytest.approx(-1.5e-6)
        assert scope.stigmator() == pytest.approx((0.1, -0.2))
        stage = scope.stage()
        assert (stage.x_m, stage.y_m, stage.z_m) == pytest.approx((5e-6, 0.0, -3e-6), abs=STEP_M)
        assert stage.alpha_rad == pytest.approx(0.01, abs=STEP_RAD)


def test_axes_that_are_not_named_stay(scope: Microscope) -> None:
    scope.move_stage(x_m=2e-6, y_m=-1e-6, z_m=4e-6, alpha_rad=0.02)
    before = scope.stage()
    scope.move_stage(z_m=6e-6)
    after = scope.stage()
    assert (after.x_m, after.y_m) == pytest.approx((before.x_m, before.y_m), abs=STEP_M)
    assert after.alpha_rad == pytest.approx(before.alpha_rad, abs=STEP_RAD)
    assert after.z_m == pytest.approx(6e-6, abs=STEP_M)


def test_the_clock_goes_forward(scope: Microscope) -> None:
    """Every act but reading takes time or none, never negative time; waiting takes what was asked for."""
    acts: list[Callable[[], object]] = [
        lambda: scope.set_preset(scope.presets()[-1].name),
        lambda: scope.set_beam_tilt((1e-3, 0.0)),
        lambda: scope.set_defocus(1e-6),
        lambda: scope.set_stigmator((0.0, 0.1)),
        lambda: scope.move_stage(z_m=1e-6),
        scope.acquire,
    ]
    for act in acts:
        before = scope.now_s()
        act()
        assert scope.now_s() >= before
    before = scope.now_s()
    scope.wait(2.5)
    assert scope.now_s() - before >= 2.5 * (1 - 1e-9)  # rounding of the sum


def test_a_frame_says_how_it_was_taken(scope: Microscope) -> None:
    """Preset, optics and stage as they read back, a time between the call's begin and end, the preset's dose."""
    preset = scope.presets()[-1]
    scope.set_preset(preset.name)
    scope.set_defocus(0.7e-6)
    scope.move_stage(z_m=2e-6)
    begin = scope.now_s()
    frame = scope.acquire()
    state, stage = frame.state, scope.stage()
    assert frame.shape == preset.size
    assert np.isfinite(frame.pixels).all()
    assert (frame.pixel_m, frame.dose_e_per_m2) == (preset.pixel_m, preset.dose_e_per_m2)
    assert (state.preset, state.magnification, state.voltage_v) == (preset.name, preset.magnification, scope.voltage_v)
    assert state.defocus_m == pytest.approx(scope.defocus_m())
    assert (state.stage_z_m, state.stage_alpha_rad) == pytest.approx((stage.z_m, stage.alpha_rad))
    assert frame.time_s is not None
    assert begin <= frame.time_s <= scope.now_s()
    later = scope.acquire().time_s
    assert later is not None
    assert later > frame.time_s


def test_the_guard_refuses_beyond_the_limits_before_anything_moves() -> None:
    """One step beyond each limit that the instrument states; at the limit it goes."""
    scope = guarded()
    limits = scope.limits
    before = (scope.beam_tilt_rad(), scope.defocus_m(), scope.stage(), scope.now_s())
    beyond: list[Callable[[], None]] = [
        lambda: scope.set_beam_tilt((0.0, 1.01 * limits.tilt_max_rad)),
        lambda: scope.set_defocus(-1.01 * limits.defocus_max_m),
        lambda: scope.move_stage(z_m=1.01 * limits.stage_z_max_m),
        lambda: scope.move_stage(x_m=-1.01 * limits.stage_xy_max_m),
        lambda: scope.move_stage(alpha_rad=1.01 * limits.stage_alpha_max_rad),
    ]
    for act in beyond:
        with pytest.raises(LimitError):
            act()
    assert (scope.beam_tilt_rad(), scope.defocus_m(), scope.stage(), scope.now_s()) == before
    scope.set_beam_tilt((0.0, limits.tilt_max_rad))
    scope.set_defocus(limits.defocus_max_m)


def test_the_guard_restores() -> None:
    """All that was changed inside reads at the end as it did before."""
    scope = Guarded(simulated())
    scope.set_defocus(0.3e-6)
    before = (scope.preset(), scope.beam_tilt_rad(), scope.defocus_m(), scope.stigmator())
    with scope.preserved():
        scope.set_preset(scope.presets()[-1].name)
        scope.set_beam_tilt((1e-3, 2e-3))
        scope.set_defocus(-2e-6)
        scope.set_stigmator((0.2, 0.1))
        scope.move_stage(z_m=8e-6)
    assert (scope.preset(), scope.beam_tilt_rad(), scope.defocus_m(), scope.stigmator()) == before
    assert scope.stage().z_m == pytest.approx(0.0, abs=STEP_M)
