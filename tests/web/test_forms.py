"""The forms are the settings models: every field with its help; what is shown is read back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eucentric.errors import SettingsError
from eucentric.focus.preset_settings import NamedPreset
from eucentric.focus.settings import CorrectionLimits, FocusSequence, FocusSettings, FocusStep, Thresholds
from eucentric.focus.shipped import SHIPPED, Shipped
from eucentric.web.forms import forms, settings_of, values_of
from eucentric.web.wrong import wrong_in

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


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("steps", 1, "tolerance"), "5 mm", "Tolerance is 5 mm; it must be above 0 and at most 1 mm."),
        (("steps", 1, "tolerance"), "5", "Tolerance is 5, without a unit. Write for example 5 µm."),
        (("steps", 1, "tolerance"), "", "Tolerance: '' is not a number with a unit. Write for example '20 µm'."),
        (("steps", 0, "iterations"), "a", "Iterations is 'a'; a whole number is wanted."),
        (("steps", 0, "name"), "", "Name is empty."),
        (("steps", 0, "thresholds", "lit_min"), 2, "Lit min is 2; it must be from 0 to 1."),
        (("limits", "cumulative"), "20", "Cumulative is 20, without a unit. Write for example 20 µm."),
        (("dose_max",), "5", "Dose max is 5, without a unit. Write for example 5 e/Å²."),
        (("accuracy",), "0 nm", "Accuracy is 0 nm; it must be above 0 and at most 1 mm."),
        (("steps", 0, "tilts"), [["1 mrad"]], "Tilts is '1 mrad': something is missing."),
        (("steps", 0, "correlation_type"), "x", "Correlation type is 'x'; use one of matched, phase, cross."),
    ],
)
def test_what_is_wrong_is_told_at_its_field_in_its_own_words(path: tuple[Any, ...], value: object, said: str) -> None:
    values = _values()
    inner: Any = values
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    assert [(one.path, one.sentence) for one in wrong_in(_refused(values), values)] == [(path, said)]


def test_all_that_is_wrong_is_told_and_what_fields_say_together_at_each_of_them() -> None:
    values = _values()
    values["steps"][0]["tolerance"] = values["steps"][1]["tolerance"] = "5 mm"
    values["steps"][1]["stig_defocus_min"] = "30 um"
    assert [one.path for one in wrong_in(_refused(values), values)] == [
        ("steps", 0, "tolerance"),
        ("steps", 1, "tolerance"),
    ]
    for step in values["steps"]:
        step["tolerance"] = "0.1 mm"
    told = wrong_in(_refused(values), values)
    assert {one.path for one in told} == {("steps", 1, "stig_defocus_min"), ("steps", 1, "stig_defocus_max")}
    assert "must be above" in told[0].sentence
    values = _values()
    values["steps"][0]["tilts"] = [["1 mrad", "0 mrad"]]
    (one,) = wrong_in(_refused(values), values)
    assert one.path[:2] == ("steps", 0)
    assert "can't be compared" in one.sentence
    assert wrong_in(SettingsError("of another kind"), values) == ()
