"""What everything above relies on in a microscope: a class of tests for any adapter.

A vendor's adapter is tested by a subclass that opens it:

    class TestMine(MicroscopeContract):
        @pytest.fixture
        def scope(self) -> Microscope:
            return MyMicroscope(...)

On a real column: nothing here goes beyond ±10 µm, 0.03 rad of stage tilt, 3 mrad of beam tilt and ±2 µm of defocus; the
camera exposes a few times at the last preset.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest

from eucentric.errors import InputError
from eucentric.microscope.protocol import Capabilities, Limits, Microscope, Preset

# Read-backs are what encoders say, so they agree to an encoder's step: 10 nm, 0.1 mrad. The rest is set by numbers.
STEP_M, STEP_RAD = 10e-9, 1e-4


class MicroscopeContract:
    """The protocol, call by call; absent parts (capabilities) are left out."""

    def test_it_has_the_protocol(self, scope: Microscope) -> None:
        assert isinstance(scope, Microscope)
        assert scope.name
        assert scope.voltage_v > 0
        assert isinstance(scope.capabilities, Capabilities)
        assert isinstance(scope.limits, Limits)
        assert all(limit > 0 for limit in asdict(scope.limits).values())

    def test_presets_have_names_of_their_own_and_can_be_chosen(self, scope: Microscope) -> None:
        names = [preset.name for preset in scope.presets()]
        assert len(set(names)) == len(names) > 0
        for preset in scope.presets():
            scope.set_preset(preset.name)
            assert scope.preset() == preset
        with pytest.raises(InputError, match="has no preset 'nowhere'"):
            scope.set_preset("nowhere")
        assert scope.preset().name == names[-1]

    def test_presets_can_be_defined_like_others(self, scope: Microscope) -> None:
        """As asked, twice the same, chosen like any other; the instrument's own stay as they are, and nothing moves."""
        _needs(scope.capabilities.define_presets)
        own, present = scope.presets(), scope.preset()
        like = own[-1]
        wanted = replace(like, name="contract's own", exposure_s=2 * like.exposure_s, defocus_m=-1e-6)
        state = (scope.defocus_m(), scope.stage())
        for _ in range(2):
            scope.define_preset(wanted, like.name)
            assert scope.presets() == (*own, wanted)
        assert (scope.preset(), scope.defocus_m(), scope.stage()) == (present, *state)
        scope.set_preset(wanted.name)
        assert scope.preset() == wanted
        again = replace(wanted, exposure_s=like.exposure_s, size=(64, 64))
        scope.define_preset(again, like.name)
        assert (scope.presets(), scope.preset()) == ((*own, again), again)
        assert scope.acquire().shape == (64, 64)

    def test_presets_that_fit_no_other_are_refused(self, scope: Microscope) -> None:
        _needs(scope.capabilities.define_presets)
        own = scope.presets()
        like = own[-1]
        wanted = replace(like, name="contract's own")
        for preset, of in (
            (wanted, "nowhere"),
            (replace(wanted, magnification=1.5 * like.magnification), like.name),
            (replace(wanted, pixel_m=1.5 * like.pixel_m), like.name),
            (like, like.name),
        ):
            with pytest.raises(InputError):
                scope.define_preset(preset, of)
        assert scope.presets() == own

    def test_presets_are_complete(self, scope: Microscope) -> None:
        for preset in scope.presets():
            assert isinstance(preset, Preset)
            assert min(preset.magnification, preset.pixel_m, preset.exposure_s, preset.dose_e_per_m2) > 0
            assert min(*preset.size, preset.binning) >= 1
            assert preset.probe_mode
            assert preset.camera

    def test_what_is_set_reads_back(self, scope: Microscope) -> None:
        """Also after a change of preset: beam tilt, defocus, stigmator and stage are not part of it."""
        can = scope.capabilities
        scope.set_defocus(-1.5e-6)
        if can.beam_tilt:
            scope.set_beam_tilt((3e-3, -2e-3))
        if can.stigmator:
            scope.set_stigmator((0.1, -0.2))
        scope.move_stage(x_m=5e-6, **({"z_m": -3e-6} if can.stage_z else {}))
        if can.stage_alpha:
            scope.move_stage(alpha_rad=0.01)
        for preset in scope.presets():
            scope.set_preset(preset.name)
            assert scope.defocus_m() == pytest.approx(-1.5e-6)
            if can.beam_tilt:
                assert scope.beam_tilt_rad() == pytest.approx((3e-3, -2e-3))
            if can.stigmator:
                assert scope.stigmator() == pytest.approx((0.1, -0.2))
            stage = scope.stage()
            assert (stage.x_m, stage.y_m) == pytest.approx((5e-6, 0.0), abs=STEP_M)
            assert stage.z_m == pytest.approx(-3e-6 if can.stage_z else 0.0, abs=STEP_M)
            assert stage.alpha_rad == pytest.approx(0.01 if can.stage_alpha else 0.0, abs=STEP_RAD)

    def test_image_shift_reads_back(self, scope: Microscope) -> None:
        """It comes on top of the preset's own: nothing is set at first."""
        _needs(scope.capabilities.image_shift)
        assert scope.image_shift_m() == pytest.approx((0.0, 0.0), abs=1e-12)
        scope.set_image_shift((1e-6, -2e-6))
        assert scope.image_shift_m() == pytest.approx((1e-6, -2e-6))

    def test_defocus_is_counted_from_its_zero(self, scope: Microscope) -> None:
        """defocus = focus − zero; a reset moves no lens, and a set moves it by the same amount as before."""
        _needs(scope.capabilities.defocus_zero)
        scope.set_defocus(0.5e-6)
        zero = scope.focus_m() - scope.defocus_m()
        scope.set_defocus(-1e-6)
        assert scope.focus_m() - scope.defocus_m() == pytest.approx(zero, abs=1e-12)
        focus = scope.focus_m()
        scope.reset_defocus()
        assert scope.defocus_m() == pytest.approx(0.0, abs=1e-12)
        assert scope.focus_m() == pytest.approx(focus, abs=1e-12)
        scope.set_defocus(2e-6)
        assert scope.focus_m() == pytest.approx(focus + 2e-6, abs=1e-12)

    def test_normalising_changes_no_setting(self, scope: Microscope) -> None:
        _needs(scope.capabilities.normalize)
        scope.set_defocus(0.5e-6)
        before = (scope.preset(), scope.defocus_m(), scope.beam_tilt_rad(), scope.stigmator(), scope.stage())
        scope.normalize()
        after = (scope.preset(), scope.defocus_m(), scope.beam_tilt_rad(), scope.stigmator(), scope.stage())
        assert after == before

    def test_axes_that_are_not_named_stay(self, scope: Microscope) -> None:
        _needs(scope.capabilities.stage_z and scope.capabilities.stage_alpha)
        scope.move_stage(x_m=2e-6, y_m=-1e-6, z_m=4e-6, alpha_rad=0.02)
        before = scope.stage()
        scope.move_stage(z_m=6e-6)
        after = scope.stage()
        assert (after.x_m, after.y_m) == pytest.approx((before.x_m, before.y_m), abs=STEP_M)
        assert after.alpha_rad == pytest.approx(before.alpha_rad, abs=STEP_RAD)
        assert after.z_m == pytest.approx(6e-6, abs=STEP_M)

    def test_the_clock_goes_forward(self, scope: Microscope) -> None:
        """Every act but reading takes time or none, never negative time; waiting takes what was asked for."""
        can = scope.capabilities
        acts: list[tuple[bool, Callable[[], object]]] = [
            (True, lambda: scope.set_preset(scope.presets()[-1].name)),
            (True, lambda: scope.set_defocus(1e-6)),
            (True, lambda: scope.move_stage(x_m=1e-6)),
            (True, scope.acquire),
            (can.beam_tilt, lambda: scope.set_beam_tilt((1e-3, 0.0))),
            (can.stigmator, lambda: scope.set_stigmator((0.0, 0.1))),
            (can.image_shift, lambda: scope.set_image_shift((1e-6, 0.0))),
            (can.defocus_zero, scope.reset_defocus),
            (can.normalize, scope.normalize),
        ]
        for there, act in acts:
            before = scope.now_s()
            if there:
                act()
            assert scope.now_s() >= before
        before = scope.now_s()
        scope.wait(2.5)
        assert scope.now_s() - before >= 2.5 * (1 - 1e-9)  # rounding of the sum

    @pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
    def test_no_time_passes_that_is_none(self, scope: Microscope, seconds: float) -> None:
        with pytest.raises(InputError, match="Can't wait"):
            scope.wait(seconds)

    def test_a_frame_says_how_it_was_taken(self, scope: Microscope) -> None:
        """Preset, optics and stage as they read back, a time between the call's begin and end, the preset's dose."""
        preset = scope.presets()[-1]
        scope.set_preset(preset.name)
        scope.set_defocus(0.7e-6)
        scope.move_stage(x_m=2e-6)
        begin = scope.now_s()
        frame = scope.acquire()
        state, stage = frame.state, scope.stage()
        assert frame.shape == preset.size
        assert np.isfinite(frame.pixels).all()
        assert (frame.pixel_m, frame.dose_e_per_m2) == (preset.pixel_m, preset.dose_e_per_m2)
        assert (state.preset, state.magnification) == (preset.name, preset.magnification)
        assert state.voltage_v == scope.voltage_v
        assert state.defocus_m == pytest.approx(scope.defocus_m())
        assert (state.stage_z_m, state.stage_alpha_rad) == pytest.approx((stage.z_m, stage.alpha_rad))
        assert begin < frame.time_s <= scope.now_s()

    def test_each_image_is_a_new_one(self, scope: Microscope) -> None:
        """Later, of other noise, in memory of its own."""
        scope.set_preset(scope.presets()[-1].name)
        first, second = scope.acquire(), scope.acquire()
        assert second.time_s > first.time_s
        assert not np.shares_memory(first.pixels, second.pixels)
        assert not np.array_equal(first.pixels, second.pixels)


def _needs(there: bool) -> None:
    if not there:
        pytest.skip("this microscope can't")
