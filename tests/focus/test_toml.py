"""Settings go to TOML and come back exactly; what is wrong in a file is said in one sentence."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from eucentric.errors import InputError, SettingsError
from eucentric.focus.settings import FocusSettings, default_sequence
from eucentric.focus.shipped import SHIPPED
from eucentric.focus.toml import read_settings, read_toml, to_toml

STEP = '[[steps]]\nname = "fine"\npreset = "fa"\n'


def _any_of(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    """Values for an annotation, within its field's bounds."""
    annotation = getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation
    bounds = {k: getattr(m, k) for m in metadata for k in ("gt", "ge", "lt", "le") if hasattr(m, k)}
    low, high = bounds.get("ge", bounds.get("gt", -1.0)), bounds.get("le", bounds.get("lt", 1e3))
    kinds: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
        float: lambda: st.floats(low, high, exclude_min="gt" in bounds, exclude_max="lt" in bounds),
        int: lambda: st.integers(low, high),
        bool: st.booleans,
        str: lambda: st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
        type(None): st.none,
    }
    if annotation in kinds:
        return kinds[annotation]()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _any_model(annotation)
    inner = [_any_of(a, metadata) for a in get_args(annotation) if a is not Ellipsis]
    if get_origin(annotation) is tuple:
        varying = get_args(annotation)[-1] is Ellipsis
        return st.lists(inner[0], min_size=1, max_size=3).map(tuple) if varying else st.tuples(*inner)
    assert get_origin(annotation) in (UnionType, Union)
    return st.one_of(*inner)


@st.composite
def _any_model(draw: st.DrawFn, model: type[BaseModel] = FocusSettings) -> BaseModel:
    chosen = draw(st.sets(st.sampled_from(sorted(model.model_fields))))
    values = {}
    for name, field in model.model_fields.items():
        if field.is_required() or name in chosen:
            values[name] = draw(_any_of(field.annotation, field.metadata))
    try:
        return model.model_validate(values)
    except ValidationError:
        assume(False)
        raise


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_any_model(FocusSettings), st.booleans())
def test_what_is_written_is_read_back_exactly(wanted: FocusSettings, explained: bool) -> None:
    assert read_toml(to_toml(wanted, explained=explained)) == wanted


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.key)
def test_what_is_offered_as_a_comment_is_what_holds(one: Any) -> None:
    """Taking away the # of all lines that name a setting changes nothing but what has no default."""
    text = to_toml(one.settings)
    unset = ("delta_max", "fit_limit", "melt_preset", "manual_focus_preset", "final_preset", "dose_max", "phase_plate")
    unset += ("tilts",)
    lines = [
        line.removeprefix("#")
        if line.startswith("#") and line[1:2].isalpha() and not line[1:].startswith(unset)
        else line
        for line in text.splitlines()
    ]
    assert read_toml("\n".join(lines)) == one.settings
    assert max(map(len, lines)) <= 100


def test_settings_are_explained_once_and_read_in_the_units_of_their_kind() -> None:
    text = to_toml(FocusSettings(sequence=default_sequence()))
    assert text.count("Smallest change that is made") == 1
    assert 'tilt = "4 mrad"' in text
    assert '#accuracy_limit = "300 nm"' in text
    assert tomllib.loads(text)["steps"][0]["correction_type"] == "Stage Z"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STEP + 'delta_max = "20 m"', "steps[0].delta_max (step 'fine') is '20 m'; it must be above 0 and at most 2 m"),
        (STEP + "delta_max = 20", "steps[0].delta_max (step 'fine') is 20 without a unit. Write it with its unit, for"),
        (STEP + "tilt_rad = 5", "200 mrad. A number without a unit is in rad. Give a unit: tilt = \"5 mrad\"."),
        (STEP + "tilt = 5", 'without a unit. Write it with its unit, for example tilt = "5 mrad".'),
        (STEP + "tilt = 0.005", 'is 0.005 without a unit. Write it with its unit, for example tilt = "5 mrad".'),
        (STEP + 'tilt = "5"', 'is 5 without a unit. Write it with its unit, for example tilt = "5 mrad".'),
        (STEP + 'settle = "1e1"', 'is 10 without a unit. Write it with its unit, for example settle = "10 s".'),
        (STEP + "drift_threshold = 3", 'for example drift_threshold = "3 A/s".'),
        ("accuracy = 50\n" + STEP, 'is 50 without a unit. Write it with its unit, for example accuracy = "50 um".'),
        ('dose_max = "20"\n' + STEP, 'is 20 without a unit. Write it with its unit, for example dose_max = "20 e/A2".'),
        ("phase_plate_tilts = [[0, 0.005]]\n" + STEP, "phase_plate_tilts is 0.005 without a unit."),
        ('name = "app"\n[[nodes]]\nname = "x"', "This is an application: use it with eucentric run --application mine"),
        (STEP + 'correction = "None"', ".correction (step 'fine'). Did you mean correction_type?"),
        (STEP + 'max = "2 um"', ".max (step 'fine'). Did you mean delta_max?"),
        ('tilt = "5 mrad"\n' + STEP, "There is no setting tilt here; it belongs to steps."),
        ('[[step]]\nname = "fine"', "There is no setting step. Did you mean steps?"),
        (STEP + 'delta_maximum = "20 um"', ".delta_maximum (step 'fine'). Did you mean delta_max?"),
        (STEP + '"Delta Max" = "20 um"', ".Delta Max (step 'fine'). Did you mean delta_max?"),
        (STEP + 'tilt = "4 nm"', "steps[0].tilt (step 'fine'): '4 nm' is not in a unit of rad: use one of rad, mrad"),
        (STEP + 'tilt = "some"', ": 'some' is not a number with a unit. Write for example '10 mrad'."),
        (STEP + "tilt = true", ": it is true, and a number with a unit of rad is wanted."),
        (STEP + 'correction_type = "Stage z"', "Did you mean Stage Z?"),
        (STEP + 'switch = "perhaps"', " is 'perhaps'; true or false is wanted."),
        (STEP + "iterations = 2.5", " is 2.5; a whole number is wanted."),
        (STEP + "\n[steps.thresholds]\nodds_mim = 3", ".thresholds.odds_mim (step 'fine'). Did you mean odds_min?"),
        (STEP + 'delta_min = "3 um"\ndelta_max = "2 um"', ": delta max (2.000 µm) must be above delta min (3.000 µm)."),
        ('[[steps]]\nname = "a/b"\npreset = "fa"', "steps[0].name is 'a/b'. It becomes part of file names"),
        ('[[steps]]\nname = "fine"', "steps[0].preset (step 'fine') is missing. Name of the imaging preset."),
        ("steps = []", "steps is empty. Give at least one."),
        ('name = "x"', "steps is missing."),
        ("steps = 3", "steps is 3; a list is wanted."),
        ("melt_tim = 3\n" + STEP, "There is no setting melt_tim. Did you mean melt_time?"),
        ('melt_time = "3 nm"\n' + STEP, "melt_time: '3 nm' is not in a unit of s"),
        ("frobnicate = 3\n" + STEP, "There is no setting frobnicate. There are: accuracy, accuracy_limit,"),
        ("limits = 3\n" + STEP, "limits is 3; a table of settings is wanted."),
        ("delta_max = 20 um", "this is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_path(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_toml(text, source="mine.toml")
    assert str(refused.value).startswith("mine.toml: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_zero_and_a_name_with_its_unit_need_none() -> None:
    (step,) = read_toml(STEP + 'settle = 0\noffset = "0"\ntilt_rad = 0.005').sequence.steps
    assert (step.settle_s, step.offset_m, step.tilt_rad) == (0.0, 0.0, 0.005)


def test_a_number_with_its_unit_is_not_asked_for_one() -> None:
    with pytest.raises(SettingsError) as refused:
        read_toml(STEP + 'tilt = "5 rad"')
    assert "without a unit" not in str(refused.value)


def test_further_mistakes_are_counted() -> None:
    with pytest.raises(SettingsError, match=r"steps\[1\]\.tilt \(step 'fine'\).*\(1 more to mend after this\.\)$"):
        read_toml(STEP + STEP + 'tilt = "1 nm"\nsettle = "1 nm"')


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(SHIPPED[0].settings), encoding="utf-8")
    assert read_settings(path) == SHIPPED[0].settings
    with pytest.raises(InputError, match="There is no file"):
        read_settings(tmp_path / "other.toml")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_settings(path)
    with pytest.raises(InputError, match="can't be read"):
        read_settings(tmp_path)
