"""`eucentric run` as a user runs it: small images, few targets."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.killed import HEIGHT_M, SMALL
from eucentric.cli.main import STOPPED, UNUSABLE, run
from eucentric.images.files import read_frame, write_frame
from eucentric.images.frame import Frame
from eucentric.microscope import registry
from eucentric.microscope.protocol import Microscope
from eucentric.msi.shipped import shipped_text
from eucentric.records.place import Place
from eucentric.records.reading import Records
from eucentric.units import parse

NOT_ALL_WELL = 3
ONE_HOLE = SMALL.replace('columns = 2, spacing = "6 um"', "columns = 1")
"""A square, Z Focus, one hole, Focus, two exposures."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _patched(monkeypatch, tmp_path)


def _patched(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Images of 256², of a film that is near enough for them; what is written lands in the test's own folder."""
    patch.chdir(folder)
    opened = registry.open_microscope

    def small(name: str, *, seed: int = 0, **_: Any) -> Microscope:
        return opened(name, seed=seed, size=256, magnitudes={"specimen": {"height_m": HEIGHT_M}})

    patch.setattr(registry, "open_microscope", small)


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        run(["run", *arguments])
    return int(ended.value.code or 0)


def _application(folder: Path, text: str = ONE_HOLE) -> str:
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


WITH_A_BAR = SMALL.replace('spacing = "6 um" }', 'spacing = "42.5 um", centre = ["0 um", "21.25 um"] }').replace(
    "go on", "skip"
)
"""Two holes, the second one in the middle of a grid bar: nothing can be focused there."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a session that came to its end."""
    root = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        _patched(patch, root)
        patch.setenv("EUCENTRIC_RECORDS", str(root / "records.sqlite"))
        assert _run("--application", _application(root, WITH_A_BAR), "--seed", "3", "--out", "kept") == NOT_ALL_WELL
    return root / "kept"


def _said(folder: Path) -> dict[str, Any]:
    said = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert isinstance(said, dict)
    return said


def test_every_unit_ends_and_a_refused_target_stops_nothing(session: Path) -> None:
    said = _said(session)
    ended = {o["key"]: o["status"] for o in said["outcomes"]}
    assert said["complete"] is True
    assert len(ended) == said["targets"] == 10
    assert ended["Square 1/Hole 1/Focus 1"] == "done"
    assert ended["Square 1/Hole 2/Focus 1"] == "refused"
    assert [ended[f"Square 1/Hole {h}/Exposure {e}"] for h in (1, 2) for e in (1, 2)] == [
        *["done"] * 2,
        *["skipped"] * 2,
    ]
    why = {o["key"]: o["why"] for o in said["outcomes"]}
    assert why["Square 1/Hole 2/Focus 1"]
    assert why["Square 1/Hole 2/Focus 1"] in why["Square 1/Hole 2/Exposure 1"]


def test_needs_and_promises_are_told_with_numbers(session: Path) -> None:
    of = {o["node"]: o for o in reversed(_said(session)["outcomes"])}
    for node in ("Z Focus", "Focus"):
        for checks in (of[node]["needs"], of[node]["promises"]):
            assert checks, node
            assert all(c["met"] and (0 < c["value"] <= c["limit"] or not c["unit"]) for c in checks), checks
    assert "height" in {c["what"] for c in of["Z Focus"]["promises"]}
    assert "defocus" in {c["what"] for c in of["Focus"]["promises"]}


def test_each_exposure_says_what_was_intended_expected_and_true(session: Path) -> None:
    outcomes = _said(session)["outcomes"]
    exposures = [e for o in outcomes if o["node"] == "Exposure" for e in o["exposures"]]
    assert len(exposures) == 2
    for exposure in exposures:
        assert exposure["intended_m"] == 0.0
        assert abs(exposure["true_error_m"]) < 5 * exposure["error_sigma_m"]  # of two draws one in a million is beyond
    files = [e["file"] for o in outcomes for e in o["exposures"]]
    assert len(files) == 1 + 2 + 2
    assert all(read_frame(session / file).shape == (256, 256) for file in files)


def test_electrons_and_time_are_counted(session: Path) -> None:
    said = _said(session)
    focused = {o["key"]: o for o in said["outcomes"] if o["focus_exposures"]}
    assert said["focus_dose_e_per_m2"].keys() == focused.keys()
    fa = focused["Square 1/Hole 1/Focus 1"]
    assert fa["focus_dose_e_per_m2"] == pytest.approx(fa["focus_exposures"] * parse("5 e/A2", "1/m2"))
    spent = sum(said["seconds_by_activity"].values())
    assert spent == pytest.approx(said["ended_s"] - said["begun_s"], rel=0.05)  # reading and thinking take none


def test_its_focus_runs_are_in_the_records(session: Path) -> None:
    with Records.open(Place.of(str(session.parent / "records.sqlite"))) as records:
        (kept,) = records.sessions()
        assert kept.folder == str(session.resolve())
        assert kept.instrument == "simulated (seed 3)"
        assert kept.complete is True
        ended = {o["key"]: o["status"] for o in _said(session)["outcomes"]}
        runs = {run.target: run.status for run in records.runs()}
        assert runs == {
            "Square 1/Z Focus 1": "focused",
            "Square 1/Hole 1/Focus 1": "focused",
            "Square 1/Hole 2/Focus 1": "refused",
        }
        assert all(ended[key or ""] == ("done" if status == "focused" else "refused") for key, status in runs.items())
        assert all(row.images_kept == row.images for row in records.measurements())


def test_the_folder_holds_text_json_and_one_figure(session: Path) -> None:
    assert {"journal.jsonl", "images", "report.txt", "report.json", "figure.png"} <= {p.name for p in session.iterdir()}
    text = (session / "report.txt").read_text(encoding="utf-8")
    for word in ("Focus nodes", "needs", "promises", "intended", "e/Å²", "Exposure 1", "refused", "skipped"):
        assert word in text


def test_a_complete_session_that_is_resumed_does_nothing(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, images = _said(session), {p: p.stat().st_mtime_ns for p in session.rglob("*.mrc")}
    assert _run("--resume", str(session), "--json") == NOT_ALL_WELL
    said = json.loads(capsys.readouterr().out)
    assert said["outcomes"] == before["outcomes"]
    assert said["resumed"] == before["resumed"]
    assert {p: p.stat().st_mtime_ns for p in session.rglob("*.mrc")} == images


def test_stopped_while_an_image_is_kept_and_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C (or SIGTERM) between an exposure and its file: the image is kept first, and everything else goes on."""
    kept: list[Path] = []
    with monkeypatch.context() as patch:

        def stopped(path: Path, frame: Frame) -> None:
            kept.append(path)
            if len(kept) == 2:
                signal.raise_signal(signal.SIGTERM)
            write_frame(path, frame)

        patch.setattr("eucentric.msi.journal.write_frame", stopped)
        assert _run("--application", _application(tmp_path), "--seed", "3", "--out", "cut", "--json") == STOPPED
    said = capsys.readouterr()
    assert said.out == ""
    assert "eucentric run --resume cut" in said.err
    _run("--resume", "cut", "--json")
    whole = json.loads(capsys.readouterr().out)
    ended = {o["key"]: o["status"] for o in whole["outcomes"]}
    assert len(ended) == 6
    assert "interrupted" not in ended.values()
    assert len(list(Path("cut").rglob("*.mrc"))) == 4


def test_a_chain_that_does_not_hold_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Z Focus nothing brings the film as near as Focus needs it."""
    nodes = SMALL.split("[[nodes]]")
    without = "[[nodes]]".join(n for n in nodes if 'name = "Z Focus"' not in n).replace("10 um", "200 um")
    assert _run("--application", _application(tmp_path, without), "--out", "new") == UNUSABLE
    said = capsys.readouterr().err
    assert "Focus" in said
    assert "200" in said
    assert not (tmp_path / "new").exists()
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--application", "msi_x"), "msi-t"),
        (("--application", "gone.toml"), "gone.toml"),
        (("--settings", "Fokus=focus"), "'Focus'"),
        (("--settings", "focus"), "--settings Focus="),
        (("--settings", "Focus=fokus"), "focus"),
        (("--settings", "Z Focus=focus"), "Z Focus"),
        (("--resume", "nowhere"), "nowhere"),
        (("--out", "."), "small.toml"),
        (("--seed", "x"), "--seed"),
        (("--calibrations", "none-there"), "none-there"),
    ],
)
def test_unusable_options_move_nothing(
    arguments: tuple[str, str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _application(tmp_path)
    usual = () if arguments[0] in {"--application", "--resume"} else ("--application", "small.toml")
    assert _run(*usual, *arguments) == UNUSABLE
    assert says in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["small.toml"]


def test_another_seed_can_t_go_on_with_a_session(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--resume", str(session), "--seed", "4") == UNUSABLE
    assert "began with seed 3" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["msi-rct", "msi-tomography"])
def test_another_application_is_data_alone(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One hole and, of a tilt series, a few tilts; on such small images targets may be refused, and then say why."""
    text = shipped_text(name)
    text = re.sub(r"(name = \"Hole\".*?columns = )\d+", r"\g<1>1", text, count=1, flags=re.DOTALL)
    text = re.sub(r'(\nheight_within = )"\d+ um"', r'\1"10 um"', text).replace('slope = "1 deg"', 'slope = "0.1 deg"')
    text = text.replace('height_within = "0.3 um"', 'height_within = "1 um"')  # what Tomo Focus promises
    text = re.sub(r'(\nwithin = )"[^"]*"', r'\1"1 um"', text).replace('tilt = "5 mrad"', 'tilt = "2.5 mrad"')
    text = re.sub(r'(\n(first|last) = )"(-?)\d+ deg"', r'\1"\g<3>6 deg"', text)
    _run("--application", _application(tmp_path, text), "--seed", "4", "--out", "kept", "--json")
    told = capsys.readouterr()
    assert told.out, told.err
    said = json.loads(told.out)
    assert said["complete"] is True, said["statement"]
    assert len(said["outcomes"]) == said["targets"]
    assert all(o["status"] == "done" or o["why"] for o in said["outcomes"])
    assert any(e["alpha_rad"] for o in said["outcomes"] for e in o["exposures"]), said["not_as_it_should_be"]
