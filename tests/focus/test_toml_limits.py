"""Thresholds written into a settings file: all else stays, and what is written is read back."""

from __future__ import annotations

import pytest

from eucentric.errors import SettingsError
from eucentric.focus.settings import Thresholds
from eucentric.focus.shipped import shipped
from eucentric.focus.toml import read_toml, to_toml
from eucentric.focus.toml_limits import with_thresholds

OWN = """# my settings
name = "mine"

[[steps]]
name = "Focus"  # the one
preset = "fa"
fit_limit = 1000.0
thresholds = {odds_min = 50.0}

[[steps]]
name = "again"
preset = "fa"

[steps.thresholds]
# by hand
lit_min = 0.3
"""
TUNED = Thresholds(chi2_per_dof_max=14.5, false_lock_max=1e-7, odds_min=50.0)


def test_comments_and_other_steps_stay_and_each_limit_has_its_note() -> None:
    text = with_thresholds(OWN, "Focus", TUNED, {"": "Tuned today.", "chi2_per_dof_max": "Was 12: " + "because " * 20})
    settings = read_toml(text)
    assert settings.sequence.steps[0].thresholds == TUNED
    assert settings.sequence.steps[1] == read_toml(OWN).sequence.steps[1]
    assert settings.sequence.steps[0].fit_limit_px2 == 1000.0
    lines = text.splitlines()
    assert {"# my settings", 'name = "Focus"  # the one', "# by hand", "# Tuned today."} <= set(lines)
    at = lines.index("chi2_per_dof_max = 14.5")
    assert lines[at - 1].startswith("# because")
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize("explained", [True, False])
@pytest.mark.parametrize("step", ["coarse", "fine"])
def test_settings_that_come_along_can_be_tuned(step: str, explained: bool) -> None:
    settings = shipped("default")
    text = with_thresholds(to_toml(settings, explained=explained), step, TUNED, {})
    steps = {one.name: one for one in read_toml(text).sequence.steps}
    for one in settings.sequence.steps:
        assert steps[one.name] == (one.model_copy(update={"thresholds": TUNED}) if one.name == step else one)


def test_what_can_not_be_written_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match=r"no step 'fine'\. They have: Focus, again"):
        with_thresholds(OWN, "fine", TUNED, {})
    with pytest.raises(SettingsError, match="written on one line"):
        with_thresholds('steps = [{name = "Focus", preset = "fa"}]', "Focus", TUNED, {})
