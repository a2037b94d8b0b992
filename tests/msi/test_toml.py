"""Applications written as TOML: read back they are the same."""

from __future__ import annotations

import math

import pytest

from eucentric.focus.shipped import SHIPPED as SEQUENCES
from eucentric.msi.application import (
    AfterFailure,
    Application,
    GoniometerSettings,
    GridSettings,
    Kind,
    Lattice,
    NeedsSettings,
    NodeSettings,
    PresetSettings,
    SeriesSettings,
)
from eucentric.msi.shipped import SHIPPED, read_text, shipped_application
from eucentric.msi.toml import to_toml

TURNED = Lattice(rows=2, columns=2, spacing_m=1e-6, angle_rad=0.3, centre_m=(1e-9, -1e-3), leave_out=(1,))

EVERYTHING = Application(
    name="all of it",
    text='said "so" – µ',
    grid=GridSettings(height_within_m=1.23456789e-4, slope_rad=0.1, bend_m=0.0, bend_length_m=1e-5, roughness_m=4e-9),
    presets={
        "ex": PresetSettings(
            like="fa",
            magnification=2e5,
            binning=2,
            size=(512, 1024),
            exposure_s=0.1 + 0.2,
            dose_per_m2=30e20,
            defocus_m=-1.7e-6,
            beam_shift_m=(0.0, 1e-7),
        ),
        "a b.c": PresetSettings(like="sq", image_shift_m=(1e-6, -2e-6)),
    },
    nodes=(
        NodeSettings(name="Square", kind=Kind.ACQUIRE, preset="sq", targets=Lattice(columns=3, spacing_m=8.5e-5)),
        *(
            NodeSettings(
                name=f"F {k}",
                kind=Kind.FOCUS,
                inside="Square",
                focus=one.settings,
                alpha_rad=math.radians(45),
                settle_s=0.7,
                needs=NeedsSettings(height_within_m=1e-5),
                targets=TURNED,
            )
            for k, one in enumerate(SEQUENCES)
        ),
        NodeSettings(
            name="Series",
            kind=Kind.TILT_SERIES,
            inside="Square",
            preset="ex",
            focus=SEQUENCES[1].settings,
            series=SeriesSettings(first_rad=-1.0, last_rad=1.0, step_rad=math.radians(2)),
            after_failure=AfterFailure.GO_ON,
            within_m=3e-7,
        ),
    ),
    goniometer=GoniometerSettings(runout_m=50e-9, wobble_length_rad=0.3),
)


@pytest.mark.parametrize("application", [EVERYTHING, *map(shipped_application, SHIPPED)], ids=lambda a: a.name)
def test_what_is_written_reads_back_the_same(application: Application) -> None:
    """To the last bit of every number, with nothing beside the file."""
    text = to_toml(application)
    assert read_text(text) == application
    assert to_toml(read_text(text)) == text


def test_values_are_written_with_units() -> None:
    text = to_toml(shipped_application("msi-tomography"))
    assert 'first = "-45 deg"' in text or "first" not in text  # the default needs no line
    assert 'defocus = "-3 um"' in text
    assert 'dose = "3 e/A2"' in text
