"""What `eucentric focus` refuses before anything moves, in sentences, and leaves no run folder for."""

from __future__ import annotations

from pathlib import Path

import pytest

from eucentric.calibration.record import optics_of
from eucentric.calibration.store import CalibrationStore
from eucentric.cli.bench import cautions, opened
from eucentric.cli.main import run
from eucentric.cli.node import Bench, node_of
from eucentric.focus.shipped import shipped
from eucentric.optimize.instrument import instrument_of

from ..calibration.kept import record, response

STEP = '[[steps]]\nname = "fine"\npreset = "fa"\n'


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[[steps]]\nname = "fine"\npreset = "xx"', "Step 'fine' asks for preset 'xx', and simulated has none"),
        ('final_preset = "zz"\n' + STEP, "The final image asks for preset 'zz'"),
        (STEP + 'tilt = "5 mm"', "mine.toml: steps[0].tilt (step 'fine'): '5 mm' is not in a unit of rad"),
        (STEP + "frob = 1", "There is no setting steps[0].frob"),
    ],
)
def test_settings_that_can_not_be_run(capsys: pytest.CaptureFixture[str], settings: str, said: str) -> None:
    Path("mine.toml").write_text(settings, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        run(["focus", "--settings", "mine.toml"])
    assert end.value.code == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--settings", "nope"], "No sequence is called 'nope'"),
        (["--settings", "nope.toml"], "There is no file nope.toml"),
        (["--calibrations", "nowhere", "--seed", "5"], "eucentric calibrate all --seed 5 --store nowhere"),
        (["--store", "nowhere"], "eucentric calibrate all --store nowhere"),
        (["--microscope", "nope"], "There is no microscope 'nope'"),
        (["--microscope", "simulated:nope"], "300kv-autoloader"),
        (["--calibrations", "."], "eucentric calibrate tilt --preset hl"),
        (["--figure", "figure.doc"], ".doc"),
    ],
)
def test_options_that_can_not_be_used(capsys: pytest.CaptureFixture[str], options: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as end:
        run(["focus", *options])
    assert end.value.code == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def test_old_calibrations_are_told_of() -> None:
    """Both tilt responses that focusing believes, and the damaged file that it leaves out."""
    instrument, kept = opened("simulated", size=256), CalibrationStore(Path("kept"))
    for preset in ("fa", "hl"):
        optics = optics_of(instrument.microscope, preset)
        kept.keep(record(response(optics), optics, days_old=100, instrument=instrument.instrument))
    Path("kept", "damaged.json").write_text("{", encoding="utf-8")
    damaged, *old = cautions(instrument, Path("kept"))
    assert "damaged.json" in damaged
    assert len(old) == 2
    assert all("days old" in sentence for sentence in old)
    assert node_of(Bench("simulated", 0, Path("kept")), shipped("default")).cautions == (damaged, *old)


def test_a_simulated_microscope_is_drawn_from_an_instrument_that_is_planned_for() -> None:
    there = instrument_of("300kv-autoloader")
    made = opened("simulated:300kv-autoloader", seed=3)
    assert made.instrument == "simulated 300 kV autoloader (seed 3)"
    assert made.microscope.voltage_v == there.lens.voltage
    known = {preset.name: preset.pixel_m for preset in made.microscope.presets()}
    assert {m.name: known[m.name] for m in there.magnifications} == {m.name: m.pixel_m for m in there.magnifications}
    assert made.brought is not None
    assert made.brought.of("fc").uncertainty == there.uncertainty  # known as well as its file says
