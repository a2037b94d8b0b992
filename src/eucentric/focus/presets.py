"""Presets that settings bring, on the instrument: each like one that is there, and calibrated as that one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isclose
from typing import Any

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import SettingsError
from eucentric.focus.preset_settings import PresetSettings
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Preset

PIXEL_AGREES = 0.05
"""Calibrated pixel sizes differ from those of a data sheet by per cents."""
_OWN = ("binning", "size", "exposure_s", "dose_per_m2", "defocus_m", "image_shift_m", "beam_shift_m")
_AT_PRESET = {"dose_per_m2": "dose_e_per_m2"}  # what the instrument's preset calls it, where it is called otherwise


def install_presets(scope: Guarded, presets: Mapping[str, PresetSettings], book: CalibrationBook) -> CalibrationBook:
    """Define presets on the instrument; the book with the calibrations that hold for them too.

    Those that are there already, as asked for, stay untouched. Nothing moves. Raises SettingsError, LimitError,
    InstrumentError.
    """
    known = {p.name: p for p in scope.presets()}
    for name, settings in presets.items():
        like = _followed(scope.name, name, settings, known)
        wanted = preset_of(name, settings, like)
        _check_pixel(scope.name, wanted, settings)
        if name != settings.like and scope.capabilities.define_presets:
            if known.get(name) != wanted:
                scope.define_preset(wanted, settings.like)
        else:
            _check_there(scope.name, wanted, settings, known)
        known[name] = wanted if name != settings.like else known[name]
        book = book.with_like(name, like.name, larger=known[name].pixel_m / like.pixel_m)
    return book


def preset_of(name: str, settings: PresetSettings, like: Preset) -> Preset:
    """The preset that is asked for. Exposed longer than `like`, in the same light, it takes more electrons,
    where no dose is given.
    """
    binning = settings.binning or like.binning
    exposure_s = settings.exposure_s or like.exposure_s
    return replace(
        like,
        name=name,
        pixel_m=like.pixel_m if binning == like.binning else like.pixel_m * binning / like.binning,
        size=settings.size or like.size,
        binning=binning,
        exposure_s=exposure_s,
        dose_e_per_m2=settings.dose_per_m2 or like.dose_e_per_m2 * exposure_s / like.exposure_s,
        defocus_m=settings.defocus_m,
        image_shift_m=settings.image_shift_m,
        beam_shift_m=settings.beam_shift_m,
    )


def _followed(instrument: str, name: str, settings: PresetSettings, known: dict[str, Preset]) -> Preset:
    """The preset that `name` is like. Raises SettingsError where there is none, or one of another magnification."""
    like = known.get(settings.like)
    if like is None:
        raise SettingsError(
            f"Preset '{name}' is to be like '{settings.like}', which {instrument} has not. Use one of: "
            f"{', '.join(known)}."
        )
    if settings.magnification is not None and not isclose(settings.magnification, like.magnification, rel_tol=0.01):
        raise SettingsError(
            f"Preset '{name}' is to have a magnification of {settings.magnification:g}, and '{settings.like}', which "
            f"it is like, has {like.magnification:g}. Leave the magnification out, or choose another one to be like."
        )
    return like


def _check_pixel(instrument: str, wanted: Preset, settings: PresetSettings) -> None:
    """Raise SettingsError where the pixel is not the one that a plan reckoned with."""
    if settings.pixel_m is not None and not isclose(settings.pixel_m, wanted.pixel_m, rel_tol=PIXEL_AGREES):
        raise SettingsError(
            f"Preset '{wanted.name}' was planned for pixels of {settings.pixel_m * 1e9:.3g} nm, and on {instrument} it "
            f"has {wanted.pixel_m * 1e9:.3g} nm: ranges and limits of the sequence do not hold. Plan for this "
            "instrument (eucentric plan --instrument FILE, with its magnifications), or open the one that was planned "
            "for."
        )


def _check_there(instrument: str, wanted: Preset, settings: PresetSettings, known: dict[str, Preset]) -> None:
    """Raise SettingsError where a preset that can't be defined is not there, or not as asked for."""
    found = known.get(wanted.name)
    if found is None:
        raise SettingsError(
            f"{instrument} has no preset '{wanted.name}', and takes none from outside. Define it there, like "
            f"'{settings.like}' with {_words(wanted, settings)}."
        )
    given = {field: _AT_PRESET.get(field, field) for field in _OWN if field in settings.model_fields_set}
    other = [at for at in given.values() if not _agree(getattr(wanted, at), getattr(found, at))]
    if not _agree(found.magnification, wanted.magnification):
        other.append("magnification")
    if other:
        what = ", ".join(f"{at} {getattr(found, at)} instead of {getattr(wanted, at)}" for at in other)
        raise SettingsError(
            f"Preset '{wanted.name}' is the instrument's own and differs from what is asked for: {what}. Give the "
            f"preset a name of its own, or change the instrument's."
        )


def _words(wanted: Preset, settings: PresetSettings) -> str:
    given = [_AT_PRESET.get(field, field) for field in _OWN if field in settings.model_fields_set]
    return ", ".join(f"{at} {getattr(wanted, at)}" for at in given) or "nothing changed"


def _agree(one: Any, other: Any) -> bool:
    """Whether two values of a preset are the same but for how they were rounded."""
    if isinstance(one, tuple):
        return all(_agree(a, b) for a, b in zip(one, other, strict=True))
    return isclose(one, other, rel_tol=1e-3, abs_tol=1e-12)
