"""The forms are the settings models: every field with its help; what is shown is read back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eucentric.errors import SettingsError
from eucentric.focus.preset_settings import NamedPreset
from eucentric.focus.settings import CorrectionLimits, FocusSequence, FocusSettings, FocusStep, Thresholds
from eucentric.focus.shipped import SHIPPED, Shipped
from eucentric.web.forms import fields_of, forms, settings_of, values_of

_MODELS = {
    "settings": FocusSettings,
    "sequence": FocusSequence,
    "limits": CorrectionLimits,
    "step": FocusStep,
    "thresholds": Thresholds,
    "preset": NamedPreset,
}
_INNER = {"sequence", "steps", "limits", "thresholds", "presets"}


def _values() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(values_of(SHIPPED[0].settings)))
    return made


@pytest.mark.parametrize("one", SHIPPED, ids=[one.key for one in SHIPPED])
def test_settings_come_back_as_they_were_shown(one: Shipped) -> None:
    assert settings_of(json.loads(json.dumps(values_of(one.settings)))) == one.settings


@pytest.mark.parametrize("form", _MODELS)
def test_every_field_is_in_its_form_with_its_help(form: str) -> None:
    fields = {field["name"]: field for field in forms()[form]}
    assert len(fields) == len(set(_MODELS[form].model_fields) - _INNER)
    assert all(field["help"] and field["title"] for field in fields.values())


def test_every_field_of_a_step_stands_in_one_group() -> None:
    grouped = [name for group in forms()["groups"] for name in group["fields"]]
    assert sorted(grouped) == sorted(field["name"] for field in forms()["step"])


def test_fields_say_their_unit_bounds_and_choices() -> None:
    step = {field["name"]: field for field in forms()["step"]}
    assert step["tolerance"]["unit"] == "m"
    assert step["tolerance"]["bounds"] == "above 0 to 1 mm"
    assert step["delta_max"]["optional"]
    assert step["fit_limit"]["unit"] == "px²"
    assert step["focus_method"]["choices"] == ["Beam Tilt", "Stage Tilt", "Manual", "None"]
    assert step["iterations"]["kind"] == "integer"
    assert step["check_drift"]["kind"] == "switch"
    settings = {field["name"]: field for field in forms()["settings"]}
    assert settings["accuracy_limit"]["off"] == "off"


def test_a_limit_that_is_off_stays_off() -> None:
    made = SHIPPED[0].settings.model_copy(update={"accuracy_limit_m": None})
    assert values_of(made)["accuracy_limit"] == "off"
    assert settings_of(values_of(made)).accuracy_limit_m is None


def test_presets_of_its_own_come_back_too() -> None:
    preset = NamedPreset(name="mine", like="fa", size=(512, 256), image_shift_m=(0.0, 1e-6), exposure_s=0.5)
    made = SHIPPED[0].settings.model_copy(update={"presets": (preset,)})
    assert settings_of(json.loads(json.dumps(values_of(made)))) == made
    kinds = {field["name"]: field["kind"] for field in forms()["preset"]}
    assert (kinds["like"], kinds["size"], kinds["image_shift"]) == ("preset", "pair", "pair")
    assert {field["name"]: field["kind"] for field in forms()["settings"]}["phase_plate_tilts"] == "pairs"


def _refused(values: dict[str, Any]) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        settings_of(values)
    return error.value


def test_what_is_wrong_is_told_at_its_field() -> None:
    values = _values()
    values["steps"][1]["tolerance"] = "5 mm"
    error = _refused(values)
    assert fields_of(error) == [["steps", 1, "tolerance"]]
    assert "fine" in str(error)
    values = _values()
    values["steps"][0]["thresholds"]["lit_min"] = 2
    assert fields_of(_refused(values)) == [["steps", 0, "thresholds", "lit_min"]]
    values = _values()
    values["limits"]["cumulative"] = "20"
    assert fields_of(_refused(values)) == [["limits"]]  # a number without a unit is its table's error
    assert "without a unit" in str(_refused(values))
    assert fields_of(SettingsError("of another kind")) == []
