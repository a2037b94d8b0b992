"""An application's presets on an instrument: defined, or found as they should be; calibrations go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.handed_over import book_from
from eucentric.errors import LimitError, SettingsError
from eucentric.focus.preset_settings import PresetSettings
from eucentric.focus.shipped import shipped
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Capabilities, Preset
from eucentric.microscope.registry import handed_out
from eucentric.microscope.simulated.magnitudes import perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope
from eucentric.msi.application import Application, Kind, NodeSettings
from eucentric.msi.presets import install


class Fixed(SimulatedMicroscope):
    """Takes no presets from outside once `closed`."""

    closed = False

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, define_presets=not self.closed)

    def define_preset(self, preset: Preset, like: str) -> None:
        assert not self.closed
        super().define_preset(preset, like)


def scope() -> tuple[Guarded, CalibrationBook]:
    inner = Fixed(perfect(), seed=1, size=(32, 32))
    return Guarded(inner), book_from(handed_out(inner))


def closed(guarded: Guarded) -> Guarded:
    """The same instrument, as one that takes no presets."""
    inner: Any = guarded.inner
    inner.closed = True
    return Guarded(inner)


def application(presets: Mapping[str, PresetSettings], preset: str = "ex") -> Application:
    node = NodeSettings(name="Exposure", kind=Kind.ACQUIRE, preset=preset)
    return Application(name="mine", presets=presets, nodes=(node,))


def named(guarded: Guarded, name: str) -> Preset:
    return next(p for p in guarded.presets() if p.name == name)


EX = PresetSettings(
    like="fa", exposure_s=2.0, dose_per_m2=20e20, defocus_m=-1e-6, size=(64, 64), beam_shift_m=(0.0, 1e-7)
)


def test_they_are_defined_as_asked_and_nothing_else_is_changed() -> None:
    guarded, book = scope()
    own, preset, fa = guarded.presets(), guarded.preset(), named(guarded, "fa")
    found = install(guarded, application({"ex": EX, "sq": PresetSettings(like="sq")}), book)
    wanted = replace(
        fa,
        name="ex",
        exposure_s=2.0,
        dose_e_per_m2=20e20,
        defocus_m=-1e-6,
        size=(64, 64),
        beam_shift_m=(0.0, 1e-7),
    )
    assert guarded.presets() == (*own, wanted)
    assert guarded.preset() == preset
    assert found.of("ex") is book.of("fa")
    assert {name: found.of(name) for name in book.presets} == book.presets


def test_once_more_is_no_change() -> None:
    """As when a session is taken up on an instrument that has not forgotten: also one that takes none any more."""
    guarded, book = scope()
    asked = application({"ex": EX, "more": PresetSettings(like="ex", exposure_s=4.0)})
    install(guarded, asked, book)
    there = guarded.presets()
    again = install(closed(guarded), asked, book)
    assert guarded.presets() == there
    assert again.of("more") is book.of("fa")


def test_a_longer_exposure_in_the_same_light_takes_more() -> None:
    guarded, book = scope()
    fa = named(guarded, "fa")
    install(guarded, application({"ex": PresetSettings(like="fa", exposure_s=4 * fa.exposure_s)}), book)
    assert named(guarded, "ex").dose_e_per_m2 == 4 * fa.dose_e_per_m2


def test_binning_goes_with_the_pixels() -> None:
    """What is calibrated in pixels too: half as many of twice the size."""
    guarded, book = scope()
    fa = named(guarded, "fa")
    found = install(guarded, application({"ex": PresetSettings(like="fa", binning=2 * fa.binning)}), book)
    assert named(guarded, "ex").pixel_m == 2 * fa.pixel_m
    one, half = book.of("fa").alpha, found.of("ex").alpha
    assert one is not None
    assert half is not None
    assert half.px_per_m == pytest.approx(tuple(v / 2 for v in one.px_per_m))
    assert half.px_per_m_sigma == pytest.approx(one.px_per_m_sigma / 2)
    assert found.of("ex").tilt_matrix == book.of("fa").tilt_matrix


def test_what_is_not_calibrated_has_no_calibration() -> None:
    guarded, book = scope()
    without = CalibrationBook(book.instrument, {k: v for k, v in book.presets.items() if k != "sq"})
    found = install(guarded, application({"ex": PresetSettings(like="sq")}), without)
    assert "ex" not in found.presets


@pytest.mark.parametrize(
    ("presets", "said"),
    [
        ({"ex": PresetSettings(like="fb")}, "Preset 'ex' is to be like 'fb', which simulated has not. Use one of: sq"),
        ({"ex": PresetSettings(like="fa", magnification=100.0)}, "a magnification of 100, and 'fa'"),
        (
            {"ex": PresetSettings(like="fa", pixel_m=1e-9)},
            "Preset 'ex' was planned for pixels of 1 nm, and",
        ),
        ({}, "Node 'Exposure' asks for preset 'ex', which is neither the application's (none) nor one of simulated"),
        (
            {"ex": EX, "fa": PresetSettings(like="fa", exposure_s=9.0)},
            "Preset 'fa' is the instrument's own and differs from what is asked for: exposure_s 0.5 instead of 9.0",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(presets: dict[str, PresetSettings], said: str) -> None:
    guarded, book = scope()
    with pytest.raises(SettingsError) as error:
        install(guarded, application(presets), book)
    assert said in str(error.value)


def test_presets_of_focus_steps_are_asked_for_too() -> None:
    guarded, book = scope()
    steps = tuple(s.model_copy(update={"preset": "fo"}) for s in shipped("focus").sequence.steps)
    sequence = shipped("focus").sequence.model_copy(update={"steps": steps})
    focus = shipped("focus").model_copy(update={"sequence": sequence})
    node = NodeSettings(name="Focus", kind=Kind.FOCUS, focus=focus)
    with pytest.raises(SettingsError, match="Step 'Focus' of node 'Focus' asks for preset 'fo'"):
        install(guarded, Application(name="mine", nodes=(node,)), book)


def test_an_instrument_that_takes_none_must_have_them() -> None:
    guarded, book = scope()
    install(guarded, application({"ex": EX}), book)
    other = replace_exposure(EX, 3.0)
    with pytest.raises(SettingsError, match=r"Preset 'ex' .*exposure_s 2.0 instead of 3.0"):
        install(closed(guarded), application({"ex": other}), book)
    with pytest.raises(SettingsError, match=r"has no preset 'ax', and takes none.*like 'fa' with .*exposure_s 2.0"):
        install(closed(guarded), application({"ax": EX}, "ax"), book)


def replace_exposure(settings: PresetSettings, exposure_s: float) -> PresetSettings:
    return settings.model_copy(update={"exposure_s": exposure_s})


def test_a_limit_is_a_limit() -> None:
    guarded, book = scope()
    with pytest.raises(LimitError, match="Image shift"):
        install(guarded, application({"ex": PresetSettings(like="fa", image_shift_m=(0.0, 1e-3))}), book)
