"""What the README shows is run, so that it stays true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eucentric.cli.main import run
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import FocusMethod
from eucentric.focus.toml import read_toml

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
# Shifts of the example are exact by construction; the images' own noise allows far less than a tenth of a pixel.
SHIFT_TOLERANCE_PX = 0.1


def test_the_script_runs_and_finds_the_shift(capsys):
    script = next(s for s in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "measure_shift" in s)
    names: dict[str, object] = {}
    exec(script, names)  # the README's own example
    shift, got = names["shift"], names["got"]
    assert shift.shift_px == pytest.approx((0, 7), abs=SHIFT_TOLERANCE_PX)
    # 7 pixels of 0.3 nm at 10 mrad separation, no Cs: 0.21 µm overfocus
    assert got.defocus_m == pytest.approx(0.21e-6, abs=SHIFT_TOLERANCE_PX * 0.3e-9 / 10e-3)
    assert "overfocus" in capsys.readouterr().out


def test_the_plan_says_what_the_readme_says(capsys):
    (command,) = re.findall(r"^eucentric (plan .*classic.*)$", README, re.MULTILINE)
    with pytest.raises(SystemExit) as end:
        run(command.split())
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "20 nm" in out
    assert "stage Z" in out


def test_the_focus_node_of_the_script_ends_in_focus(capsys):
    script = next(s for s in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "Focus(" in s)
    exec(script, {})  # the README's own example
    assert capsys.readouterr().out.startswith("Focused to within")


def test_the_settings_that_the_readme_shows_are_settings():
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (step,) = read_toml(text).sequence.steps
    assert step.measures_astigmatism
    for name in PatternName:
        assert name.value in text
    assert {one.value for one in FocusMethod} <= set(re.findall(r"[A-Z]\w+(?: Tilt)?", text))


@pytest.mark.parametrize("command", ["focus", "measure", "plan", "run", "sweep"])
def test_every_option_that_the_readme_names_exists(capsys, command):
    lines = [line for line in README.splitlines() if line.startswith(f"eucentric {command} ")]
    assert lines
    with pytest.raises(SystemExit):
        run([command, "--help"])
    known = capsys.readouterr().out
    for option in {word for line in lines for word in line.split() if word.startswith("--")}:
        assert option in known
