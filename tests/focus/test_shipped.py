"""What comes along does what the sequences do that users know (PEERS.md section 1), and can be found by name."""

from __future__ import annotations

import pytest

from eucentric.errors import SettingsError
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSettings, FocusStep
from eucentric.focus.shipped import SHIPPED, Shipped, shipped

B, S, M = FocusMethod.BEAM_TILT, FocusMethod.STAGE_TILT, FocusMethod.MANUAL
D, Z, N = CorrectionType.DEFOCUS, CorrectionType.STAGE_Z, CorrectionType.NONE
# Leginon's table: method, preset, range in µm, correction, on. A second step that is ours follows the one it refines.
THEIRS = {
    "focus": [(B, "fa", 20, D, True), (B, "fa", 0, D, True), (M, "fc", 0, N, True)],
    "z-focus-beam-tilt": [(B, "hl", 200, Z, True)],
    "z-focus-stage-tilt": [(S, "sq", 200, Z, False), (S, "hl", 200, Z, True), (M, "fc", 0, N, False)],
    "tomo-focus": [(S, "hl", 100, Z, True), (S, "hl", 50, Z, True), (B, "fa", 20, D, False), (M, "fc", 0, N, False)],
    "rct-focus": [(B, "fa", 20, Z, True), (B, "fa", 20, D, True), (B, "fa", 0, D, True)],
}


@pytest.mark.parametrize("key", THEIRS)
def test_leginons_sequences(key: str) -> None:
    steps = shipped(key).sequence.steps
    seen = [(s.focus_method, s.preset, s.correction_type, s.switch) for s in steps]
    assert seen == [(method, preset, correction, on) for method, preset, _, correction, on in THEIRS[key]]
    for step, (_, _, range_um, _, _) in zip(steps, THEIRS[key], strict=True):
        if range_um:
            assert step.delta_max_m == pytest.approx(1.1e-6 * range_um)  # a tenth above
        if step.focus_method is B:
            assert step.tilt_rad == 5e-3  # a separation of 10 mrad


def _measures_by_lens(step: FocusStep) -> bool:
    return step.switch and step.focus_method is B and step.correction_type is D


@pytest.mark.parametrize("key", ["focus", "rct-focus"])
def test_what_ends_by_the_lens_measures_astigmatism_last_and_is_not_skipped(key: str) -> None:
    node = shipped(key)
    last = [s for s in node.sequence.steps if _measures_by_lens(s)][-1]
    assert last.measures_astigmatism
    assert last.tolerance_m <= 25e-9
    assert node.accuracy_limit_m is not None
    assert node.accuracy_limit_m <= 50e-9


def test_names() -> None:
    assert shipped("Focus") is shipped("focus") is shipped(" FOCUS ")
    assert shipped("Z Focus beam tilt") is shipped("z-focus-beam-tilt")
    assert shipped("default") is SHIPPED[0].settings
    assert len({one.key for one in SHIPPED}) == len(SHIPPED)
    with pytest.raises(SettingsError, match=r"Did you mean tomo-focus\?.*eucentric sequences list"):
        shipped("tomo")
    with pytest.raises(SettingsError, match="No sequence is called"):
        shipped("")


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.key)
def test_they_survive_json(one: Shipped) -> None:
    settings = one.settings
    assert FocusSettings.model_validate_json(settings.model_dump_json()) == settings
