"""Presets that were defined: the optics of the one they are like, and an exposure, a size and shifts of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eucentric.errors import InputError
from eucentric.microscope.protocol import Preset
from eucentric.microscope.simulated.magnitudes import Magnitudes, perfect
from eucentric.microscope.simulated.microscope import SimulatedMicroscope
from eucentric.microscope.simulated.truth import constants, truth

SIDE = 128


def small(magnitudes: Magnitudes, seed: int = 3) -> SimulatedMicroscope:
    return SimulatedMicroscope(magnitudes, seed=seed, size=(SIDE, SIDE))


def named(scope: SimulatedMicroscope, name: str) -> Preset:
    return next(p for p in scope.presets() if p.name == name)


def ideal(**parts: dict[str, object]) -> Magnitudes:
    """Perfect, the film at eucentric height, but for `parts`."""
    changed = perfect().model_dump()
    full = {"specimen": {"height_m": 0.0}, "camera": {"saturation_counts": 1e12}}  # no dose is too high
    for part, values in {**full, **parts}.items():
        changed[part].update(values)
    return Magnitudes.model_validate(changed)


def test_what_was_drawn_for_its_like_is_its_own() -> None:
    """Rotation, pixel scale, parfocal error, tilt response: of `fa`; twice the binning, twice the pixel."""
    scope = small(Magnitudes())
    fa = named(scope, "fa")
    scope.define_preset(replace(fa, name="ex", exposure_s=2.0), "fa")
    scope.define_preset(replace(fa, name="binned", binning=2 * fa.binning, pixel_m=2 * fa.pixel_m), "ex")
    true = constants(scope)
    for what in ("image_rotation_rad", "parfocal_m", "eucentric_focus_m", "tilt_matrix"):
        of = getattr(true, what)
        assert of["ex"] == of["binned"] == of["fa"]
    assert true.pixel_m["ex"] == true.pixel_m["fa"]
    assert true.pixel_m["binned"] == 2 * true.pixel_m["fa"]


def test_the_lens_does_not_notice_the_way_between_them() -> None:
    """The same magnification: no hysteresis, no parfocal difference, whatever the lens has been through."""
    scope = small(Magnitudes())
    scope.define_preset(replace(named(scope, "fa"), name="ex"), "fa")
    scope.set_defocus(15e-6)
    scope.set_defocus(0.0)
    scope.set_preset("fa")
    before = truth(scope).lens_c1_m
    for name in ("ex", "fa", "ex"):
        scope.set_preset(name)
        assert truth(scope).lens_c1_m == before
    scope.set_preset("hl")
    scope.set_preset("ex")
    assert truth(scope).lens_c1_m != before


def test_it_shows_the_same_specimen() -> None:
    """The same pixels: the same expected image, and noise alone differs. Relative noise of N electrons is 1/√N."""
    scope = small(ideal())
    fa = named(scope, "fa")
    electrons = 1e6
    dose = electrons / fa.pixel_m**2
    for name in ("one", "other"):
        scope.define_preset(replace(fa, name=name, dose_e_per_m2=dose), "fa")
    images, arrived = [], []
    scope.set_defocus(-1e-6)
    for name in ("one", "other"):
        scope.set_preset(name)
        image = scope.acquire().pixels
        images.append(image / image.mean())
        arrived.append(float(image.mean()) / scope.magnitudes.camera.counts_per_electron)  # the film takes some
    noise = float((images[1] - images[0]).std())
    contrast = float(images[0].std())
    expected = np.sqrt(1 / arrived[0] + 1 / arrived[1])
    assert noise == pytest.approx(expected, rel=0.05)  # 16 384 pixels: 0.6 % rms of a standard deviation
    assert contrast > 10 * noise


def test_dose_and_size_are_its_own() -> None:
    """Counts are dose × pixel area × conversion: ten times the dose, ten times the counts."""
    scope = small(ideal())
    fa = named(scope, "fa")
    scope.define_preset(replace(fa, name="ex", size=(64, 96), dose_e_per_m2=10 * fa.dose_e_per_m2), "fa")
    scope.set_preset("fa")
    few = scope.acquire()
    scope.set_preset("ex")
    many = scope.acquire()
    assert many.shape == (64, 96)
    assert many.dose_e_per_m2 == 10 * fa.dose_e_per_m2
    # The film's roughness (3.5 %) and the other field of view change the mean absorption by less than a percent.
    assert float(many.pixels.mean() / few.pixels.mean()) == pytest.approx(10, rel=0.02)


def test_a_beam_shift_moves_the_light_and_not_the_image() -> None:
    """By one lit radius along +y: the edge of the light goes through the middle, rows above it (smaller y) are dark."""
    scope = small(ideal(presets={"fa": {**Magnitudes().presets.fa.model_dump(), "lit_radius_m": 30e-9}}))
    fa = named(scope, "fa")
    scope.define_preset(replace(fa, name="ex", beam_shift_m=(30e-9, 0.0)), "fa")
    scope.set_preset("ex")
    pixels = scope.acquire().pixels
    middle = slice(SIDE // 2 - 8, SIDE // 2 + 8)
    assert float(pixels[: SIDE // 2 - 20, middle].mean()) < 0.05 * float(pixels[SIDE // 2 + 20 :, middle].mean())


def test_an_image_shift_is_its_own() -> None:
    """A preset with an image shift shows what an image shift with its like shows."""
    scope = small(ideal())
    fa = named(scope, "fa")
    scope.define_preset(replace(fa, name="ex", image_shift_m=(20 * fa.pixel_m, 0.0), dose_e_per_m2=1e25), "fa")
    scope.define_preset(replace(fa, name="straight", dose_e_per_m2=1e25), "fa")
    scope.set_defocus(-1e-6)
    scope.set_preset("ex")
    assert scope.image_shift_m() == (0.0, 0.0)
    shifted = scope.acquire().pixels
    scope.set_preset("straight")
    straight = scope.acquire().pixels
    a, b = shifted[:-20], straight[20:]
    assert float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) > 0.99


def test_its_own_presets_stay_as_they_are() -> None:
    """Also those that would fit."""
    scope = small(ideal())
    fa = named(scope, "fa")
    with pytest.raises(InputError, match=r"which stay as they are.*sq, hl, fa, en, fc"):
        scope.define_preset(replace(fa, exposure_s=9.0), "fa")
    with pytest.raises(InputError, match=r"not like 'hl'.*12000"):
        scope.define_preset(replace(fa, name="ex"), "hl")
    with pytest.raises(InputError, match="32 to 8192"):
        scope.define_preset(replace(fa, name="ex", size=(16, 16)), "fa")
