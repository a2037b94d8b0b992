"""The live page from the command line: what is printed, how it ends, and that a run beside it ends as without it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from eucentric.cli.main import STOPPED, UNUSABLE, run
from eucentric.cli.serve import BegunHere
from eucentric.focus.toml import to_toml
from tests.web.served import QUICK, whole_bench

_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/#token=(\S+)")


def _ended(*words: str) -> object:
    with pytest.raises(SystemExit) as end:
        run(list(words))
    return end.value.code


@pytest.fixture
def _in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and records go where nothing is."""
    monkeypatch.chdir(tmp_path)
    Path("quick.toml").write_text(to_toml(QUICK), encoding="utf-8")


@pytest.mark.usefixtures("_in")
def test_a_run_beside_the_page_ends_with_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("focus", "--settings", "quick.toml", "--measure-only", "--json")
    assert _ended(*words) == 0
    without = capsys.readouterr()
    assert _ended(*words, "--serve", "--port", "0") == 0
    with_page = capsys.readouterr()
    assert _ADDRESS.search(with_page.err)
    assert "http" not in without.err + without.out + with_page.out


@pytest.mark.usefixtures("_in")
def test_a_port_that_is_taken_is_said_before_anything_moves(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert _ended("serve", "--port", port) == UNUSABLE
    assert f"can't be served at 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.usefixtures("_in")
@pytest.mark.parametrize("command", ["focus", "run"])
def test_a_port_without_a_page_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended(command, "--port", "8400") == UNUSABLE
    assert "Add --serve" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["quick.toml"]  # nothing was begun


@pytest.mark.usefixtures("_in")
def test_a_session_believes_the_focus_that_was_kept_at_the_page() -> None:
    made, _ = whole_bench(Path())
    assert made.keep_focus is not None
    assert made.begin is not None
    kept_m = 0.7e-6
    made.book = made.keep_focus(made.book, "fa", kept_m)
    begun = made.begin("msi-t-small")
    assert isinstance(begun, BegunHere)
    with begun._opening.journal:
        assert begun._opening.ready is not None
        assert begun._opening.ready.book.of("fa").eucentric_focus_m == kept_m


@pytest.mark.usefixtures("_in")
def test_it_serves_until_it_is_stopped() -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = f"{code}from eucentric.cli.main import run; run(['serve', '--port', '0', '--settings', 'quick.toml'])"
    with subprocess.Popen([sys.executable, "-u", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        found = _ADDRESS.search(process.stdout.readline())
        assert found is not None
        address, token = found.groups()
        assert "Ctrl-C" in process.stdout.readline()
        assert "<eu-page>" in httpx.get(address).text
        about = httpx.get(f"{address}/api/about", headers={"Authorization": f"Bearer {token}"}).json()
        assert about["first"] == "quick"
        assert "msi-t-small" in about["applications"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == STOPPED
        assert process.stderr.read().splitlines()[-1] == "Stopped."
