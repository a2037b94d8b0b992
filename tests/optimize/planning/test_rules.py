"""The classic rules, held against the worked example of the page that they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucentric.errors import InputError
from eucentric.optimize.planning import rules

EXAMPLE = rules.Needs(start_m=500e-6, accuracy_m=0.1e-6, separation_rad=10e-3, camera_px=4096)
REL = 1e-12  # the rules are products and quotients: only rounding of binary fractions is left


def test_a_tenth_of_a_micrometre_needs_one_nanometre():
    assert rules.pixel_for_accuracy_m(0.1e-6, 10e-3) == pytest.approx(1e-9, rel=REL)
    assert rules.accuracy_m(1e-9, 10e-3) == pytest.approx(0.1e-6, rel=REL)


@pytest.mark.parametrize(("size", "reach"), [(4096, 102.4e-6), (1024, 25.6e-6)])
def test_a_quarter_of_the_image_is_reached(size, reach):
    assert rules.range_m(1e-9, 10e-3, size) == pytest.approx(reach, rel=REL)


def test_the_worked_example_takes_two_steps():
    z_focus, focus = rules.plan(EXAMPLE).steps
    assert (z_focus.name, z_focus.knob, z_focus.size_px, z_focus.binning) == ("Z Focus", rules.Knob.STAGE_Z, 1024, 4)
    assert z_focus.pixel_m == pytest.approx(20e-9, rel=REL)
    assert z_focus.accuracy_m == pytest.approx(2e-6, rel=REL)
    assert z_focus.range_m == pytest.approx(512e-6, rel=REL)
    assert (focus.name, focus.knob, focus.size_px) == ("Focus", rules.Knob.DEFOCUS, 1024)
    assert focus.pixel_m == pytest.approx(1e-9, rel=REL)
    assert focus.accuracy_m == pytest.approx(0.1e-6, rel=REL)
    assert focus.range_m == pytest.approx(25.6e-6, rel=REL)


def test_the_last_step_alone_reaches_what_the_page_says():
    made = rules.plan(EXAMPLE)
    assert made.alone_camera_m == pytest.approx(102.4e-6, rel=REL)
    assert made.alone_image_m == pytest.approx(25.6e-6, rel=REL)


def test_a_small_error_takes_one_step_by_defocus():
    (only,) = rules.plan(rules.Needs(5e-6, 0.1e-6, 10e-3)).steps
    assert only.knob is rules.Knob.DEFOCUS


def test_one_large_step_by_defocus_is_advised_against():
    (only,) = rules.plan(rules.Needs(100e-6, 0.1e-6, 10e-3, size_px=4096)).steps
    assert "stage Z" in only.why


@given(
    start=st.floats(1e-7, 9e-3),
    accuracy=st.floats(1e-9, 1e-6),
    separation=st.floats(1e-3, 50e-3),
    size=st.sampled_from([512, 1024, 2048, 4096]),
)
def test_each_step_starts_within_its_range_and_the_last_has_the_accuracy(start, accuracy, separation, size):
    needs = rules.Needs(start, accuracy, separation, camera_px=4096, size_px=size)
    try:
        steps = rules.plan(needs).steps
    except InputError:
        # Four steps of 512 pixels reach 128⁴ times the accuracy: only then, or never, is a plan refused.
        assert start / accuracy > 0.9 * (size / 4) ** 3
        return
    arriving = start
    for step in steps:
        assert step.range_m >= arriving * (1 - 1e-9)
        arriving = step.accuracy_m
    assert arriving == pytest.approx(accuracy, rel=1e-9)


@pytest.mark.parametrize(
    "needs",
    [
        rules.Needs(0.0, 1e-7, 10e-3),
        rules.Needs(float("nan"), 1e-7, 10e-3),
        rules.Needs(500e-6, -1e-7, 10e-3),
        rules.Needs(500e-6, 1e-7, 0.0),
        rules.Needs(500e-6, 1e-7, 10.0),
        rules.Needs(500e-6, 1e-7, 10e-3, camera_px=2),
        rules.Needs(500e-6, 1e-7, 10e-3, camera_px=1024, size_px=4096),
    ],
)
def test_numbers_that_make_no_plan_are_refused(needs):
    with pytest.raises(InputError, match="Give"):
        rules.plan(needs)


def test_a_camera_of_another_size_is_binned_to_a_whole_number():
    assert rules.Needs(500e-6, 1e-7, 10e-3, camera_px=5760).image_px == 960  # 5760 / 6
