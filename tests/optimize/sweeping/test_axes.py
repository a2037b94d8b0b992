"""What a map goes over, as an operator writes it."""

from __future__ import annotations

import pytest

from eucentric.errors import InputError, SettingsError
from eucentric.optimize.instrument import instrument_of
from eucentric.optimize.sweeping.axes import Of, axis_of, settings_of_maps

KNOWN = settings_of_maps(instrument_of("200kv-side-entry"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("tilt=1..5mrad", (1e-3, 2e-3, 3e-3, 4e-3, 5e-3)),
        ("tilt=5mrad..1mrad", (1e-3, 2e-3, 3e-3, 4e-3, 5e-3)),
        ("start=1..10000um", (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)),
        ("start=1um..10 mm", (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)),
        ("offset=-2..0um", (-2e-6, -1.5e-6, -1e-6, -0.5e-6, 0.0)),
        ("lens.hysteresis=0..0.1", (0.0, 0.025, 0.05, 0.075, 0.1)),
        ("lens.voltage=100..300kV", (100e3, 150e3, 200e3, 250e3, 300e3)),
        ("stage.drift=0, 2A/s, 1nm/s", (0.0, 2e-10, 1e-9)),
        ("magnifications.fa.dose=1,2 e/A2", (1e20, 2e20)),
        ("size=256..1000", (256, 448, 640, 832, 1024)),  # multiples of 64
        ("binning=1,4", (1, 4)),
        ("pattern = Cross Quad, pair", ("cross quad", "pair")),
        ("correction", ("Stage Z", "Defocus")),
        ("tilt=3,1,2,2mrad", (1e-3, 2e-3, 3e-3)),
    ],
)
def test_values_are_read_as_they_are_written(text, values):
    axis = axis_of(text, KNOWN, 5)
    assert axis.values == (pytest.approx(values, rel=1e-12) if not isinstance(values[0], str) else values)


def test_wide_ranges_are_logarithmic_and_choices_are_on_no_scale():
    assert axis_of("tilt=1..20mrad", KNOWN, 9).logarithmic
    assert not axis_of("tilt=1..5mrad", KNOWN, 9).logarithmic
    assert not axis_of("offset=-20..-1um", KNOWN, 9).logarithmic
    assert axis_of("binning", KNOWN, 9).numbers is None
    # Round, as people would write them: three digits.
    assert axis_of("tilt=1..20mrad", KNOWN, 9).values[4] == 4.47e-3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tilr=1..2mrad", "Did you mean tilt"),
        ("hysteresis=0..0.1", r"Did you mean lens\.hysteresis"),
        ("lens.hysterisis=0..0.1", r"Did you mean lens\.hysteresis"),
        ("camera.binnings=1..2", "no setting 'camera.binnings'"),
        ("xyzzy", r"There are: tilt, .*lens\.hysteresis"),
        ("tilt", "tilt has no values"),
        ("tilt=", "tilt has no values"),
        ("tilt=1..20", r"has no unit.*tilt=1\.\.20mrad"),
        ("tilt=a..b", "can't be 'a'"),
        ("tilt=..", "can't be ''"),
        ("lens.hysteresis=0,1e999", "can't be"),
        ("tilt=5mrad", "one value"),
        ("tilt=0..2mrad", "must be above zero"),
        ("size=1..8um", "number without a unit"),
        ("binning=3,4", "takes 1, 2, 4, 8"),
        ("binning=1..4", "List those"),
        ("pattern=star,fish", "can't be 'fish'"),
    ],
)
def test_what_can_not_be_read_is_a_sentence(text, told):
    with pytest.raises(SettingsError, match=told):
        axis_of(text, KNOWN, 5)


def test_a_unit_of_another_dimension_is_said():
    with pytest.raises(InputError, match="not in a unit of rad"):
        axis_of("tilt=1..2um", KNOWN, 5)


def test_every_number_of_an_instrument_is_a_setting():
    """Those of the file that are one number each; texts and lists are none."""
    of = {name for name, one in KNOWN.items() if one.of is Of.INSTRUMENT}
    assert {"lens.cs", "lens.aperture", "camera.size", "camera.dqe", "times.tilt_settling", "errors.a1"} <= of
    assert {"stage.z_scale", "specimen.thickness", "magnifications.hl.pixel", "magnifications.sq.beam"} <= of
    assert not of & {"name", "camera.binnings", "magnifications", "magnifications.sq.name"}
    assert KNOWN["lens.aperture"].unit == "rad"
    assert KNOWN["camera.noise_e"].unit is None
