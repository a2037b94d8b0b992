"""Settings by name: saved in a folder and nowhere else, those that come along stay as they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from eucentric.errors import InputError, SettingsError
from eucentric.focus.shipped import SHIPPED
from eucentric.focus.toml import read_settings
from eucentric.web.shelf import Shelf
from tests.web.served import QUICK


def test_what_is_saved_is_listed_first_and_read_back(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "made", opened=QUICK, name="quick")
    path = shelf.save("my focus", QUICK)
    assert read_settings(path) == QUICK
    assert shelf.read("my focus") == QUICK
    first, second, *rest = shelf.entries()
    assert (first.name, first.saved, first.title) == ("my focus", True, "Quick")
    assert (second.name, second.saved) == ("quick", False)
    assert [entry.name for entry in rest] == [one.key for one in SHIPPED]
    assert [p.name for p in path.parent.iterdir()] == ["my focus.toml"]  # no half-written file stays


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes there")
def test_others_may_read_what_is_saved(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = Shelf(tmp_path).save("mine", QUICK)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_name_that_is_taken_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.save("mine", QUICK)
    other = QUICK.model_copy(update={"sequence": QUICK.sequence.model_copy(update={"name": "Other"})})
    with pytest.raises(SettingsError, match="saved already"):
        shelf.save("mine", other)
    assert shelf.read("mine") == QUICK
    shelf.save("mine", other, replace=True)
    assert shelf.read("mine") == other


def test_what_comes_along_is_listed_once_though_the_command_was_started_with_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, opened=SHIPPED[1].settings, name="mine")
    first, *rest = shelf.entries()
    assert (first.name, first.title, first.place) == ("mine", SHIPPED[1].name, SHIPPED[1].place)
    assert [entry.name for entry in rest] == [one.key for one in SHIPPED if one != SHIPPED[1]]
    with pytest.raises(SettingsError, match="come along"):
        shelf.save(SHIPPED[1].key, QUICK)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\\b", "ends.", "x" * 65, "new\nline"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    shelf = Shelf(tmp_path / "shelf")
    with pytest.raises(SettingsError, match="file's name"):
        shelf.save(name, QUICK)
    with pytest.raises(SettingsError):
        shelf.read(name)
    assert list(tmp_path.iterdir()) == []


def test_what_the_command_was_started_with_runs_though_another_of_its_name_is_saved(tmp_path: Path) -> None:
    Shelf(tmp_path).save("quick", SHIPPED[0].settings)
    shelf = Shelf(tmp_path, opened=QUICK, name="quick")
    assert shelf.read("quick") == QUICK
    assert [(entry.saved, entry.title) for entry in shelf.entries() if entry.name == "quick"] == [(False, "Quick")]


def test_files_whose_names_can_not_be_saved_under_are_read(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, opened=QUICK, name="focus (v2)")
    assert shelf.read("focus (v2)") == QUICK
    shelf.save("a", SHIPPED[0].settings).rename(tmp_path / "focus (v1).toml")
    assert shelf.entries()[0].name == "focus (v1)"
    assert shelf.read("focus (v1)") == SHIPPED[0].settings


def test_those_that_come_along_stay_as_they_are(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, opened=QUICK, name="quick")
    for name in ("quick", SHIPPED[0].key):
        with pytest.raises(SettingsError, match="come along"):
            shelf.save(name, QUICK)
    assert shelf.read(SHIPPED[1].key) == SHIPPED[1].settings


def test_a_damaged_file_is_listed_with_its_trouble(tmp_path: Path) -> None:
    (tmp_path / "damaged.toml").write_text("steps = [", encoding="utf-8")
    (entry, *_) = Shelf(tmp_path).entries()
    assert entry.name == "damaged"
    assert "TOML" in entry.trouble


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="can't be saved"):
        Shelf(tmp_path / "file").save("mine", QUICK)
