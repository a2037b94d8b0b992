"""Instruments of the planner: those that come along, a file, and what is wrong in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eucentric.errors import InputError, SettingsError
from eucentric.optimize.instrument import SHIPPED, instrument_of
from eucentric.optimize.specimen import Specimen


@pytest.mark.parametrize("name", SHIPPED)
def test_those_that_come_along_are_read(name: str) -> None:
    instrument = instrument_of(name)
    assert [m.name for m in instrument.magnifications] == ["sq", "hl", "fc", "fa"]
    smallest = instrument.column(instrument.magnifications[-1]).convergence_rad
    assert smallest == pytest.approx(instrument.lens.convergence_rad)
    # Light that is spread over a larger field is as much more parallel: 120 µm and 1.5 µm.
    assert instrument.column(instrument.magnifications[0]).convergence_rad == pytest.approx(
        instrument.lens.convergence_rad * 1.5 / 120
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = 'a'\n[lens]\nvoltge = '200 kV'\n", "voltge"),
        (
            "name = 'a'\n[lens]\ntilt_max = '30 mrad'\n[[magnifications]]\nname='fa'\npixel='1 nm'\nbeam='1 um'\n"
            "dose='1 e/A2'\n",
            "the beam itself would be stopped",
        ),
        ("name = 'a'\n[lens]\ncs = 2.7\n", "without a unit"),
        ("name = ", "no TOML"),
    ],
    ids=["a name", "aperture", "unit", "no TOML"],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        instrument_of(str(file))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        instrument_of(str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match="There are: 200kv-side-entry"):
        instrument_of("polara")


def test_roughness_is_the_variance_of_the_phase() -> None:
    """∫ density d²q between 1/µm and 1/10 nm is (roughness · σ · 9 V · t)², with σ = 7.29e6 rad/(V·m) at 200 kV."""
    q = np.geomspace(1e6, 1e8, 4001)
    rough, flat = (Specimen(thickness_m=20e-9, roughness=r).spectrum(200e3).density(q) for r in (0.03, 0.0))
    variance = np.trapezoid(2 * np.pi * q * (rough - flat), q)
    film = Specimen().covered  # holes show nothing of it
    assert variance == pytest.approx(film * (0.03 * 7.29e6 * 9 * 20e-9) ** 2, rel=2e-3)
