"""An instrument's file with what its calibrations measured in the place of what the file says. Pure.

Taken are those calibrations that focusing would take, at the presets that are magnifications of the instrument. Where
presets differ in what they leave over, the plan reckons with the largest. What no calibration measures stays: Cs,
doses, drift, first motion, how well Z comes back, the specimen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from eucentric.calibration.believed import uncertainty_of
from eucentric.calibration.commands import command_for
from eucentric.calibration.instrument import Uncertainty
from eucentric.calibration.quantities import AnyQuantity, Parfocality, PivotPoint, TiltResponse, TiltSettling
from eucentric.calibration.record import SCOPES, OpticsState, Record
from eucentric.calibration.store import newest_of
from eucentric.errors import CalibrationError
from eucentric.focus.settings_error import settings_error
from eucentric.optimize.instrument import Instrument
from eucentric.units import show_bound

_RESPONSE = "tilt response"


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of the instrument that was measured: its path in the file, its value in SI, and both in words."""

    path: str
    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The instrument with what was measured; `whose` calibrations they are, and sentences on what they lack."""

    instrument: Instrument
    whose: str
    measured: tuple[Measured, ...]
    notes: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What came from calibrations, each number named, and what there is to say of them."""
        told = ", ".join(one.words for one in self.measured)
        return (f"From calibrations of {self.whose}: {told}. The rest is the file's.", *self.notes)


def calibrated(instrument: Instrument, records: Sequence[Record], whose: str | None = None) -> Calibrated:
    """The instrument with the numbers of these records (oldest first), those of `whose` where they are of several.

    Raises CalibrationError where it is not said whose, there is no tilt response, none is at a preset that the
    instrument has, or a number can't be; each says what to do.
    """
    name = _of_whom(records, whose)
    found = _found(name, records)
    names = [m.name for m in instrument.magnifications]
    known = {preset: one for preset, one in found.items() if preset in names}
    if not known:
        raise CalibrationError(
            f"The calibrations of {name} are at {_listed(found)}, and {instrument.name} has {_listed(names)}: none "
            "is in common. Name the magnifications in the instrument's file as the presets are called."
        )
    measured = (*_optics(instrument, known), *_errors(known))
    return Calibrated(_with(instrument, measured), name, measured, _notes(instrument, found, known))


@dataclass(frozen=True, slots=True)
class _Found:
    """What is believed at one preset."""

    optics: OpticsState
    sure: Uncertainty
    kept: Mapping[str, AnyQuantity]


def _of_whom(records: Sequence[Record], whose: str | None) -> str:
    names = sorted({r.instrument for r in records})
    if whose is None and len(names) == 1:
        return names[0]
    if whose is not None and whose in names:
        return whose
    if not names:
        raise CalibrationError("There are no calibrations in that folder. Make them: eucentric calibrate all")
    asked = "several instruments" if whose is None else f"no '{whose}'"
    raise CalibrationError(
        f'The calibrations are of {asked}: {_listed(names)}. Say whose: --calibrations-of "{names[0]}"'
    )


def _found(whose: str, records: Sequence[Record]) -> dict[str, _Found]:
    """What is believed at each preset with a tilt response, in its newest optics. Raises CalibrationError for none."""
    newest = {r.optics.preset: r.optics for r in records if r.instrument == whose}
    found: dict[str, _Found] = {}
    for preset, optics in newest.items():
        every = {kind: newest_of(records, kind, whose, optics) for kind in SCOPES}
        kept = {kind: record.quantity for kind, record in every.items() if record is not None}
        response = kept.get(_RESPONSE)
        if isinstance(response, TiltResponse):
            found[preset] = _Found(optics, uncertainty_of(response, kept), kept)
    if not found:
        raise CalibrationError(
            f"{whose} has no calibration of the tilt response that is good enough. Measure it: "
            f"{command_for(_RESPONSE, next(iter(newest)))}"
        )
    return found


@dataclass(frozen=True, slots=True)
class _Number:
    """A number that a kind of calibration measures: where it stands in the file, what it is called, and how shown."""

    path: str
    kind: str
    name: str
    value: Callable[[_Found], float]
    shown: Callable[[float], str]


def _percent(value: float) -> str:
    return f"{value * 100:.2g} %"


def _angle(value_rad: float) -> str:
    return f"{value_rad * 1e3:.2g} mrad"


def _length(value_m: float) -> str:
    return show_bound(float(f"{value_m:.2g}"))


def _pivot(one: _Found) -> float:
    """Metres per mrad along the direction in which the lit area moves most."""
    quantity = one.kept["pivot point"]
    assert isinstance(quantity, PivotPoint)  # the kind says so
    return float(np.linalg.norm(np.asarray(quantity.matrix_m_per_rad), 2)) * 1e-3


def _settling(one: _Found) -> float:
    quantity = one.kept["tilt settling"]
    assert isinstance(quantity, TiltSettling)
    return math.hypot(quantity.time_s, quantity.time_sigma_s)


def _parfocal(one: _Found) -> float:
    """A sequence does not correct for the difference that is known: its next step finds it."""
    quantity = one.kept["parfocality"]
    assert isinstance(quantity, Parfocality)
    return math.hypot(quantity.difference_m, quantity.difference_sigma_m)


_NUMBERS = (
    _Number("errors.tilt_scale", _RESPONSE, "tilt scale", lambda f: f.sure.tilt_scale, _percent),
    _Number("errors.tilt_rotation_rad", _RESPONSE, "tilt rotation", lambda f: f.sure.tilt_rotation_rad, _angle),
    _Number("errors.tilt_cubic", _RESPONSE, "tilt cubic", lambda f: f.sure.tilt_cubic_per_rad2, "{:.2g}/rad²".format),
    _Number("errors.focus_scale", _RESPONSE, "lens scale", lambda f: f.sure.focus_scale, _percent),
    _Number("errors.cs", "focus scale", "Cs", lambda f: math.hypot(f.sure.c3_relative, 3 * f.sure.c1_scale), _percent),
    _Number("errors.axis_rad", "coma-free axis", "coma-free axis", lambda f: f.sure.axis_rad, _angle),
    _Number("errors.a1_m", "stigmator response", "astigmatism", lambda f: f.sure.a1_m, _length),
    _Number("errors.parfocal_m", "parfocality", "parfocality", _parfocal, _length),
    _Number("lens.hysteresis", "lens hysteresis", "lens hysteresis", lambda f: f.sure.focus_hysteresis, _percent),
    _Number("lens.pivot_m", "pivot point", "pivot", _pivot, lambda v: f"{_length(v)} per mrad"),
    _Number("stage.z_scale", "stage Z", "stage Z scale", lambda f: f.sure.height_scale, _percent),
    _Number("stage.backlash_m", "stage backlash", "stage Z backlash", lambda f: f.sure.z_play_m, _length),
    _Number("times.tilt_settling_s", "tilt settling", "tilt settling", _settling, lambda v: f"{v * 1e3:.2g} ms"),
)


def _errors(known: Mapping[str, _Found]) -> list[Measured]:
    """Each number that was measured anywhere: the largest, with its preset where it is one of several."""
    out = []
    for one in _NUMBERS:
        of = {preset: one.value(there) for preset, there in known.items() if one.kind in there.kept}
        if of:
            preset = max(of, key=lambda p: of[p])
            where = f" ({preset})" if len(of) > 1 and "magnification" in SCOPES[one.kind] else ""
            out.append(Measured(one.path, of[preset], f"{one.name} {one.shown(of[preset])}{where}"))
    return out


def _optics(instrument: Instrument, known: Mapping[str, _Found]) -> list[Measured]:
    """High tension and pixel sizes, where they are other than the file's. Raises CalibrationError for several."""
    volts = {there.optics.voltage_v for there in known.values()}
    if len(volts) > 1:
        raise CalibrationError(
            f"The calibrations are at {_listed(f'{v * 1e-3:g} kV' for v in sorted(volts))}. Plan with those of one "
            "high tension: put them into a folder of their own."
        )
    (voltage,) = volts
    out = []
    if not math.isclose(voltage, instrument.lens.voltage, rel_tol=1e-3):
        out.append(Measured("lens.voltage", voltage, f"{voltage * 1e-3:g} kV"))
    for number, magnification in enumerate(instrument.magnifications):
        there = known.get(magnification.name)
        pixel_m = None if there is None else there.optics.pixel_m / there.optics.binning
        if pixel_m is not None and not math.isclose(pixel_m, magnification.pixel_m, rel_tol=1e-3):
            words = f"pixel of {magnification.name} {pixel_m * 1e9:.3g} nm"
            out.append(Measured(f"magnifications.{number}.pixel_m", pixel_m, words))
    return out


def _with(instrument: Instrument, measured: Iterable[Measured]) -> Instrument:
    body: dict[str, Any] = instrument.model_dump()
    for one in measured:
        *tables, name = one.path.split(".")
        at: Any = body
        for table in tables:
            at = at[int(table)] if table.isdigit() else at[table]
        at[name] = one.value
    try:
        return Instrument.model_validate(body)
    except ValidationError as error:
        what = settings_error(error, Instrument, source="The calibrations can't be planned with")
        raise CalibrationError(f"{what} Measure it anew.") from error


def _notes(instrument: Instrument, found: Mapping[str, _Found], known: Mapping[str, _Found]) -> tuple[str, ...]:
    out = []
    names = [m.name for m in instrument.magnifications]
    strange = [preset for preset in found if preset not in known]
    if strange:
        out.append(
            f"Calibrated at {_listed(strange)}, which {instrument.name} has not ({_listed(names)}): nothing is taken "
            "from there. Give the instrument's file a magnification of that name."
        )
    bare = [name for name in names if name not in known]
    if bare:
        keep = " ".join(f"--preset {name}" for name in names if name in known)
        out.append(
            f"Not calibrated: {_listed(bare)}. There the plan reckons with the same numbers; to run it they need "
            f"{command_for(_RESPONSE, bare[0])}. Without them: {keep}"
        )
    return tuple(out)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
