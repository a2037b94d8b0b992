"""Applications from files: what comes along, how nodes name their focus settings, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.errors import InputError, SettingsError
from eucentric.focus.settings import CorrectionType, ResetDefocus
from eucentric.focus.shipped import shipped
from eucentric.focus.toml import to_toml
from eucentric.msi.application import Kind
from eucentric.msi.shipped import (
    SHIPPED,
    application_of,
    read_application,
    read_text,
    shipped_application,
    shipped_text,
    with_focus,
)
from eucentric.msi.units import units

FOCUS = """
name = "mine"
[[nodes]]
name = "Focus"
kind = "focus"
focus = {focus}
"""


@pytest.mark.parametrize("key", SHIPPED)
def test_what_comes_along_can_be_read(key: str) -> None:
    """Focus nodes reset defocus zero, approach alike, and the images that matter are taken where focus was found."""
    application = shipped_application(key)
    assert application.name.lower().replace(" ", "-") == key
    assert application.text
    nodes = [n for n in application.nodes if n.kind is Kind.FOCUS]
    for node in nodes:
        assert node.focus is not None
        last = node.focus.sequence.steps[-1]
        assert last.reset_defocus is ResetDefocus.YES
        if last.correction_type is CorrectionType.DEFOCUS:
            assert last.tolerance_m <= 25e-9
            focused = last.preset
    matter = [n for n in application.nodes if n.within_m is not None]
    assert matter
    for node in matter:
        assert application.presets[node.preset or ""].like == focused


def test_msi_t_is_what_it_says() -> None:
    """2 squares × 3 holes × 4 exposures, neighbouring squares a grid pitch apart; exposures wait for all of Focus."""
    application = shipped_application("msi-t")
    every = units(application)
    count = {n.name: sum(u.node == n.name for u in every) for n in application.nodes}
    assert count == {"Square": 2, "Z Focus": 2, "Hole": 6, "Focus": 12, "Exposure": 24}
    squares = [u.place_m for u in every if u.node == "Square"]
    assert squares[0] == pytest.approx((0.0, 0.0), abs=1e-12)
    assert squares[1] == pytest.approx((0.0, 85e-6))
    first = [u.node for u in every if u.group == "1"]
    assert first == sorted(first, key=list(count).index)


def test_the_light_of_focusing_does_not_reach_the_exposures() -> None:
    """Focus and exposure have the same light of 0.75 µm radius on the simulated microscope: centres 1.5 µm apart."""
    for key in ("msi-t", "msi-t-small", "msi-rct"):
        every = units(shipped_application(key))
        focus = [u.place_m for u in every if u.node in {"Focus", "RCT Focus"}]
        exposures = [u.place_m for u in every if u.node in {"Exposure", "Tilted"}]
        assert all(abs(complex(*f) - complex(*e)) > 1.499e-6 for f in focus for e in exposures)


def test_names_are_found_however_they_are_spelt() -> None:
    assert shipped_application("MSI-T") == application_of("msi_t") == shipped_application("msi t")
    with pytest.raises(SettingsError, match=r"No application is called 'msi-tomo'\. Did you mean msi-tomography\?"):
        application_of("msi-tomo")
    with pytest.raises(SettingsError, match="eucentric applications list"):
        shipped_text("zzz")


def test_focus_is_a_name_a_file_or_a_table(tmp_path: Path) -> None:
    """The file is looked for beside the application's."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "mine.toml").write_text(to_toml(shipped("rct-focus")), encoding="utf-8")
    file = tmp_path / "application.toml"
    for focus, is_ in (
        ('"Focus"', shipped("focus")),
        ('"deep/mine.toml"', shipped("rct-focus")),
        ('{name = "short", steps = [{name = "one", preset = "fa", tilt = "4 mrad"}]}', None),
    ):
        file.write_text(FOCUS.format(focus=focus), encoding="utf-8")
        found = read_application(file).nodes[0].focus
        assert found is not None
        if is_ is not None:
            assert found == is_
        else:
            assert (found.sequence.name, found.sequence.steps[0].tilt_rad) == ("short", 4e-3)


def test_other_focus_settings_for_one_node() -> None:
    application = shipped_application("msi-t")
    changed = with_focus(application, "Focus", shipped("focus"))
    assert changed.node("Focus").focus == shipped("focus")
    assert changed.node("Z Focus") == application.node("Z Focus")
    with pytest.raises(SettingsError, match=r"MSI-T has no focus node 'focus'. Did you mean 'Focus'"):
        with_focus(application, "focus", shipped("focus"))
    with pytest.raises(SettingsError, match="no focus node 'Square'"):
        with_focus(application, "Square", shipped("focus"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FOCUS.format(focus='"z-fokus"'), "my.toml, focus of node 'Focus': No sequence is called 'z-fokus'"),
        (FOCUS.format(focus='"none.toml"'), "focus of node 'Focus': There is no file none.toml"),
        (FOCUS.format(focus="3"), "focus of node 'Focus': it is 3; give the name of a sequence"),
        (
            FOCUS.format(focus='{steps = [{name = "one", preset = "fa", tild = "4 mrad"}]}'),
            "focus of node 'Focus': There is no setting steps[0].tild (step 'one'). Did you mean tilt?",
        ),
        (
            FOCUS.format(focus='"focus"').replace("kind", "kint"),
            "There is no setting nodes[0].kint (node 'Focus'). Did you mean kind?",
        ),
        (
            FOCUS.format(focus='"focus"').replace('"focus"\n', '"fokus"\n', 1),
            'nodes[0].kind (node \'Focus\') is \'fokus\'; use one of "acquire", "focus", "tilt series".'
            " Did you mean focus?",
        ),
        (FOCUS.format(focus='"focus"') + "targets = {rows = 0}", "nodes[0].targets.rows (node 'Focus') is 0; it must"),
        (FOCUS.format(focus='"focus"') + "targets = {rows = 2}", "a lattice of several targets needs their distance"),
        (FOCUS.format(focus='"focus"') + "settle = 5 s", "my.toml: this is not TOML"),
        (FOCUS.format(focus='"focus"') + 'settle = "5 m"', "'5 m' is not in a unit of s"),
        (FOCUS.format(focus='"focus"') + "[presets.ex]\nlike = 'fa'\nexposure = '0 s'", "presets.ex.exposure is '0 s'"),
        (FOCUS.format(focus='"focus"') + "[presets.ex]\nlike = 'fa'\nexpose = '1 s'", "Did you mean exposure?"),
        (
            FOCUS.format(focus='"focus"') + "targets = {centre = [0, 1.5]}",
            "targets.centre (node 'Focus') is 1.5 without a unit. Write it with its unit, for example centre = "
            '["1.5 um", "1.5 um"].',
        ),
        (
            FOCUS.format(focus='"focus"') + "[presets.ex]\nlike = 'fa'\ndose = '20'",
            'presets.ex.dose is 20 without a unit. Write it with its unit, for example dose = "20 e/A2".',
        ),
        (
            FOCUS.format(focus='{steps = [{name = "one", preset = "fa", tilt = 0.005}]}'),
            "steps[0].tilt (step 'one') is 0.005 without a unit",
        ),
        (
            'name = "Focus"\n[[steps]]\nname = "fine"\npreset = "fa"',
            "my.toml: These are settings of a focus node: use them with eucentric focus --settings my.toml",
        ),
        ('name = "mine"\nnodes = 3', "nodes is 3"),
        ('name = "mine"', "nodes is missing"),
        (
            FOCUS.format(focus='"focus"') + 'inside = "Hole"',
            "node 'Focus' stands inside 'Hole', and no node before it is called so",
        ),
    ],
)
def test_a_mistake_is_one_sentence(text: str, said: str) -> None:
    """Which file, which node, what is wrong, what to write."""
    with pytest.raises((SettingsError, InputError)) as error:
        read_text(text, source="my.toml")
    assert said in str(error.value)
    assert str(error.value).startswith("my.toml")
    assert "\n" not in str(error.value)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*eucentric applications copy msi-t"):
        application_of(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="it is not text in UTF-8"):
        application_of(str(tmp_path / "bad.toml"))
    with pytest.raises(InputError, match="can't be read"):
        read_application(tmp_path)
