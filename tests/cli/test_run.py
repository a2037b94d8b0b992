"""`eucentric run`: what is refused before anything moves, how it ends, and that it goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eucentric.cli.main import run
from eucentric.errors import TimedOutError
from eucentric.images.frame import Frame
from eucentric.microscope.simulated.microscope import SimulatedMicroscope

SMALL = """
name = "images alone"

[presets.small]
like = "sq"
size = [64, 64]

[[nodes]]
name = "Square"
kind = "acquire"
preset = "small"

[nodes.targets]
columns = 3
spacing = "20 um"
"""
TOO_FINE = (
    SMALL
    + """
[[nodes]]
name = "Exposure"
kind = "acquire"
preset = "fa"
within = "50 nm"
"""
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL, encoding="utf-8")
    Path("fine.toml").write_text(TOO_FINE, encoding="utf-8")


def _ended(*options: str) -> object:
    with pytest.raises(SystemExit) as end:
        run(["run", *options])
    return end.value.code


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What the camera raises at its second image, as long as there is something in the list."""
    errors: list[BaseException] = []
    right = SimulatedMicroscope.acquire
    count = 0

    def acquire(self: SimulatedMicroscope) -> Frame:
        nonlocal count
        count += 1
        if count > 1 and errors:
            raise errors.pop()
        return right(self)

    monkeypatch.setattr(SimulatedMicroscope, "acquire", acquire)
    return errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--application", "nope"], "No application is called 'nope'"),
        (["--application", "nope.toml"], "There is no file nope.toml"),
        (["--application", "small.toml", "--settings", "mine.toml"], "--settings Focus=myfocus.toml"),
        (["--application", "small.toml", "--settings", "Focus=focus"], "no focus node 'Focus'"),
        (["--application", "msi-t", "--settings", "Focus=nope"], "No sequence is called 'nope'"),
        (["--application", "msi-t", "--calibrations", "nowhere", "--seed", "5"], "calibrate all --seed 5"),
        (["--application", "fine.toml"], "Node 'Exposure'"),
        (["--application", "msi-t", "--calibrations", "full", "--seed", "5"], "calibrate all --seed 5 --store full"),
        (["--application", "msi-t", "--store", "nowhere"], "calibrate all --store nowhere"),
        (["--application", "small.toml", "--microscope", "nope"], "There is no microscope 'nope'"),
        (["--resume", "nowhere"], "no session in nowhere"),
        (["--application", "small.toml", "--out", "full"], "already holds"),
    ],
)
def test_what_can_not_be_run_is_one_sentence_and_leaves_no_folder(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    Path("full").mkdir()
    Path("full", "precious").touch()
    before = sorted(Path().rglob("*"))
    assert _ended(*options) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert sorted(Path().rglob("*")) == before


def test_a_session_ends_well_and_keeps_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended("--application", "small.toml", "--out", "one", "--seed", "2") == 0
    out = capsys.readouterr().out
    assert out.startswith("Reading application small.toml …\nOpening the simulated microscope …\n")
    assert "Complete: 3 of 3 targets done." in out
    kept = {path.name for path in Path("one").iterdir()}
    assert {"journal.jsonl", "report.txt", "report.json", "figure.png", "images"} <= kept
    assert len(list(Path("one", "images").glob("*.mrc"))) == 3
    body = json.loads(Path("one", "report.json").read_text(encoding="utf-8"))
    assert body["complete"]
    assert body["instrument"] == "simulated (seed 2)"


def test_what_can_be_read_is_checked_before_the_instrument_is_opened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eucentric.cli.session_open.opened", None)  # opening the instrument would raise
    Path("focus.toml").write_text('name = "Focus"\n[[steps]]\nname = "fine"\npreset = "fa"\n', encoding="utf-8")
    Path("full").mkdir()
    Path("full", "precious").touch()
    wrong = (
        (["--application", "nope.toml"], "There is no file nope.toml"),
        (["--application", "focus.toml"], "use them with eucentric focus --settings focus.toml"),
        (["--application", "msi-t", "--settings", "Focus=small.toml"], "eucentric run --application small.toml"),
        (["--application", "msi-t", "--settings", "Focus=nothing"], "There are: z-focus-then-focus, focus,"),
        (["--application", "small.toml", "--microscope", "nope"], "There is no microscope 'nope'"),
        (["--application", "small.toml", "--out", "full"], "already holds"),
    )
    for options, said in wrong:
        assert _ended(*options) == 2
        told = capsys.readouterr()
        assert told.out == f"Reading application {options[1]} …\n"
        assert said in told.err


def test_all_that_is_said_is_in_the_log_and_a_resume_appends(
    capsys: pytest.CaptureFixture[str], broken: list[BaseException]
) -> None:
    broken.append(KeyboardInterrupt())
    assert _ended("--application", "small.toml", "--out", "one") == 130
    capsys.readouterr()
    first = Path("one", "session.log").read_text(encoding="utf-8")
    for words in (
        "Session folder: one",
        "3 targets (3 Square)",
        "Square 1: image kept",
        "Go on with it: eucentric run",
    ):
        assert words in first
    _ended("--resume", "one")
    whole = Path("one", "session.log").read_text(encoding="utf-8")
    assert whole.startswith(first)
    assert "It goes on: 1 of 3 are done." in whole
    assert "Complete: 2 of 3 targets done" in whole.splitlines()[-3]
    assert first.splitlines()[0].endswith("  Reading application small.toml …")
    assert first.splitlines()[1].endswith("  Opening the simulated microscope …")


def test_json_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended("--application", "small.toml", "--out", "one", "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["counts"]["done"] == 3
    assert captured.err == ""


def test_a_complete_session_is_told_again_without_the_instrument(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _ended("--application", "small.toml", "--out", "one", "--seed", "2")
    taken = Path("one", "images", "Square 1.mrc").stat().st_mtime_ns
    noted = Path("one", "journal.jsonl").read_bytes()
    first = json.loads(Path("one", "report.json").read_text(encoding="utf-8"))
    capsys.readouterr()
    monkeypatch.setattr("eucentric.cli.session_open.opened", None)  # opening the instrument would raise
    assert _ended("--resume", "one") == 0
    out = capsys.readouterr().out
    assert "the instrument is left as it is" in out
    assert "Complete: 3 of 3" in out
    assert Path("one", "journal.jsonl").read_bytes() == noted
    again = json.loads(Path("one", "report.json").read_text(encoding="utf-8"))
    assert {**again, "begun_s": first["begun_s"], "ended_s": first["ended_s"]} == first
    assert Path("one", "images", "Square 1.mrc").stat().st_mtime_ns == taken


def test_stopped_by_the_operator_it_says_how_to_go_on_and_does(
    capsys: pytest.CaptureFixture[str], broken: list[BaseException]
) -> None:
    broken.append(KeyboardInterrupt())
    assert _ended("--application", "small.toml", "--out", "one", "--seed", "6") == 130
    assert "Go on with it: eucentric run --resume one" in capsys.readouterr().err
    cut = json.loads(Path("one", "report.json").read_text(encoding="utf-8"))
    assert not cut["complete"]
    assert cut["resume"] == "eucentric run --resume one"
    assert _ended("--resume", "one", "--seed", "6", "--application", "small.toml") in {0, 3}
    body = json.loads(Path("one", "report.json").read_text(encoding="utf-8"))
    assert body["complete"]
    # the image that had begun is not exposed twice: all others are there
    assert body["counts"]["done"] + body["counts"]["interrupted"] == 3
    assert body["counts"]["done"] >= 2


@pytest.mark.parametrize(
    ("where", "folder"),
    [("eucentric.msi.journal.Journal.create", False), ("eucentric.cli.session_truth.Watcher.__init__", True)],
)
def test_stopped_while_it_starts_it_leaves_no_folder_or_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, where: str, folder: bool
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(where, stop)
    assert _ended("--application", "small.toml", "--out", "one") == 130
    assert Path("one").exists() == folder
    assert ("Session folder: one. Go on with it: eucentric run --resume one" in capsys.readouterr().err) == folder


def test_a_lost_instrument_ends_it_with_a_code_of_its_own(
    capsys: pytest.CaptureFixture[str], broken: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eucentric.cli.session_lost.PAUSES_S", ())  # no terminal here: nobody is asked
    monkeypatch.setattr("eucentric.msi.working._RUNNING", 1)  # the first failure pauses
    broken.append(TimedOutError("The camera did not answer within 30 s."))
    assert _ended("--application", "small.toml", "--out", "one") == 4
    out = capsys.readouterr().out
    assert "The camera did not answer within 30 s." in out
    assert "Resume it with: eucentric run --resume one" in " ".join(out.split())
    assert _ended("--resume", "one") in {0, 3}


CONTRADICTING = [
    (["--microscope", "mine"], "--microscope mine: it began on simulated"),
    (["--seed", "7"], "--seed 7: it began with seed 0"),
    (["--application", "msi-t"], "--application msi-t"),
    (["--settings", "Focus=focus"], "--settings"),
    (["--out", "two"], "--out two"),
    (["--calibrations", "kept"], "--calibrations kept"),
]


def test_options_that_contradict_the_session_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    _ended("--application", "small.toml", "--out", "one")
    for options, said in CONTRADICTING:
        capsys.readouterr()
        assert _ended("--resume", "one", *options) == 2
        told = capsys.readouterr().err
        assert said in told
        assert "eucentric run --resume one" in told
