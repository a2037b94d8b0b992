"""The coma-free axis: the instrument tilt about which tilts are symmetric.

Seen from a centre of tilts, an axis that is off by ω0 is coma, B2 = −C3·ω̄0, and the image moves by
d(β) = C1 β + A1 β̄ + B2 β² + 2 B̄2 |β|² + C3 |β|² β: opposite tilts show the odd terms alone, so it takes a ring of
tilts and its centre. With coefficients seen from the centre this is exact and linear in all that is unknown; drift,
uniform and accelerated, is fitted beside it. The ring is then centred on the axis found, and taken below and above
focus: what goes with defocus (a cubic term of the coils, a tilted film, the lens' own influence) cancels.
The displacement's dependence on C3: Koster, van den Bos & van der Mast, Ultramicroscopy 21 (1987) 209-222.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.calibrate.focus_here import c1_here, needs_tilt
from eucentric.calibrate.least_squares import Fit, fit, sigma_px
from eucentric.calibrate.outcome import Evidence, Level, Outcome, Progress, Series, silent
from eucentric.calibrate.response_fit import coils
from eucentric.calibrate.shots import Moved, Shot, Shots, approach_defocus, believing, step_up
from eucentric.calibration.believed import AXIS_UNKNOWN_RAD
from eucentric.calibration.elsewhere import axis_sigma, needs_axis
from eucentric.calibration.instrument import Calibration, Vector
from eucentric.calibration.quantities import ComaFreeAxis
from eucentric.microscope.guarded import Guarded
from eucentric.optics.aberrations import Aberrations
from eucentric.units import minus

Complex = NDArray[np.complex128]

_UNTOLD_RAD = 1e-3  # an axis known no better than this is not known: B2 is what can be told
_FARTHEST_RAD = 20e-3  # further off than all tilts an axis is as good as nowhere
_GREEN_RAD, _AMBER_RAD = 0.1e-3, 0.3e-3
_LOOKS = 2  # registrations of the same images, the second with the axis that the first found
_ORDER = (0, 3, 1, 4, 2, 5)  # of a ring: drift looks like none of its harmonics


@dataclass(frozen=True, slots=True)
class ComaFreePlan:
    """Instrument tilt of the ring (rad) and how far from focus it is taken (m): below, and at last below and above."""

    tilt_rad: float = 10e-3
    defocus_m: float = 2.5e-6
    settle_s: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    centre: Vector  # instrument tilt
    fit: Fit
    moved: list[Moved]

    @property
    def b2(self) -> complex:
        """B2 from the centre, metres."""
        return complex(self.fit.values[2], self.fit.values[3])

    @property
    def b2_sigma(self) -> float:
        """1σ of each component."""
        return float(np.sqrt(0.5 * np.trace(self.fit.covariance[2:4, 2:4])))


def measure_coma_free(
    microscope: Guarded,
    calibration: Calibration,
    plan: ComaFreePlan | None = None,
    *,
    progress: Progress | None = None,
) -> Outcome:
    """The coma-free axis at the present preset and place, within reach of focus; everything is put back.

    Needs the tilt response. Raises CalibrationError without it, NotMeasuredError, InstrumentError.
    """
    plan, tell = plan or ComaFreePlan(), progress or silent
    shots = Shots(microscope, calibration, settle_s=plan.settle_s)
    needs_tilt(shots)
    with microscope.preserved():
        tell("focus", 0.05)
        focus = microscope.defocus_m() - c1_here(shots)
        approach_defocus(microscope, focus - plan.defocus_m, range_m=2 * plan.defocus_m)
        tell("first ring", 0.1)
        _looked(shots, [_ring(shots, plan.tilt_rad)])
        tell("ring about the axis found, below focus", 0.4)
        below = _ring(shots, plan.tilt_rad)
        tell("ring about the axis found, above focus", 0.7)
        step_up(microscope, focus + plan.defocus_m)
        found = _looked(shots, [below, _ring(shots, plan.tilt_rad, turned=0.5)])
    return _outcome(found, shots, abs(focus))


def _ring(shots: Shots, tilt_rad: float, turned: float = 0.0) -> list[Shot]:
    """Six tilts about the believed axis, the centre before and after them: [c, r0 … r5, c]; `turned` in steps."""
    centre = shots.calibration.coma_free_rad
    first = shots.take(centre)
    around: dict[int, Shot] = {}
    for k in _ORDER:
        angle = math.tau * (k + turned) / len(_ORDER)
        at = (centre[0] + tilt_rad * math.sin(angle), centre[1] + tilt_rad * math.cos(angle))
        around[k] = shots.take(at)
    return [first, *(around[k] for k in range(len(_ORDER))), shots.take(centre)]


def _looked(shots: Shots, taken: list[list[Shot]]) -> _Round:
    """Register with the believed axis, fit, believe what was found, and register once more."""
    centre = shots.calibration.coma_free_rad
    lens = Aberrations()
    for _ in range(_LOOKS):
        moved = [m for ring in taken for m in _moved(shots, ring, lens)]
        found = _Round(centre, _solve(moved, shots, centre), moved)
        lens = Aberrations(a1_m=(float(found.fit.values[0]), float(found.fit.values[1])))
        shots.calibration = _believing(shots.calibration, found)
    return found


def _moved(shots: Shots, ring: list[Shot], lens: Aberrations) -> list[Moved]:
    """Each tilt against the centre (before and after in turn), and against the tilt a third of a turn further."""
    around = ring[1:-1]
    links = [(ring[0] if k % 2 == 0 else ring[-1], shot) for k, shot in enumerate(around)]
    links += [(shot, around[(k + 2) % len(around)]) for k, shot in enumerate(around)]
    found = (shots.try_between(one, two, lens=lens) for one, two in links)
    return [m for m in found if m is not None]


def _solve(moved: list[Moved], shots: Shots, centre: Vector) -> Fit:
    """All coefficients as seen from `centre`, metres; C1 and the turn of each defocus for itself."""
    calibration, pixel = shots.calibration, shots.pixel_m
    times = np.array([s.time_s for m in moved for s in (m.first, m.second)])
    middle, span = float(times.mean()), max(float(np.ptp(times)), 1.0)
    sides = sorted({m.first.defocus_m for m in moved})
    rows, observed = [], []
    for m in moved:
        one, two = (_terms(s, calibration, centre, (s.time_s - middle) / span) for s in (m.first, m.second))
        step = (two - one) / pixel
        side = [step[k] * (m.first.defocus_m == s) for s in sides for k in (0, 1)]
        row = np.array([*step[2:-1], *side])
        spherical = step[-1] * calibration.column.c3_m
        rows.append(np.stack([row.imag, row.real]))
        observed.append(m.vector - np.array([spherical.imag, spherical.real]))
    return fit(np.concatenate(rows), np.concatenate(observed), np.array([m.covariance_px2 for m in moved]))


def _terms(shot: Shot, calibration: Calibration, centre: Vector, time: float) -> Complex:
    """What each unknown does to the image's place, x + iy: C1, turn, a, b, Re B2, Im B2, drift and its change (y, x),
    and last what C3 does."""
    beta = _direction(shot.tilt_rad, calibration, centre)
    square = abs(beta) ** 2
    terms = [beta, 1j * beta, beta.conjugate(), 1j * beta.conjugate()]
    terms += [beta**2 + 2 * square, 1j * beta**2 - 2j * square, 1j * time, time, 1j * time**2, time**2]
    return np.array([*terms, square * beta], dtype=np.complex128)


def _direction(tilt: Vector, calibration: Calibration, centre: Vector) -> complex:
    """Believed direction, x + iy, of an instrument tilt from that of `centre`."""
    cubic = calibration.tilt_cubic_per_rad2
    y, x = np.array(calibration.tilt_matrix) @ (coils(tilt, cubic) - coils(centre, cubic))
    return complex(x, y)


def _axis(found: _Round, calibration: Calibration) -> Vector:
    """Instrument tilt of the axis: from the centre by M⁻¹ω0, ω0 = −conj(B2)/C3."""
    off = -found.b2.conjugate() / calibration.column.c3_m
    y, x = np.linalg.solve(np.array(calibration.tilt_matrix), np.array([off.imag, off.real]))
    return (found.centre[0] + float(y), found.centre[1] + float(x))


def _sigma(found: _Round, calibration: Calibration) -> float:
    """1σ of the axis in rad per component, as B2 tells it; infinite without Cs."""
    c3 = abs(calibration.column.c3_m)
    return found.b2_sigma / c3 if c3 > 0 else math.inf


def _told(found: _Round, calibration: Calibration) -> float | None:
    """1σ of the axis in rad per component, None where B2 does not tell it."""
    sigma = _sigma(found, calibration)
    return sigma if sigma < _UNTOLD_RAD else None


def _untold(found: _Round, calibration: Calibration) -> float:
    """1σ of a centre of tilts kept for want of an axis: the axis may lie wherever an unaligned one may, and wherever
    B2 lets it. Without Cs there is none."""
    sigma = _sigma(found, calibration)
    return min(max(sigma, AXIS_UNKNOWN_RAD), _FARTHEST_RAD) if math.isfinite(sigma) else AXIS_UNKNOWN_RAD


def _believing(calibration: Calibration, found: _Round) -> Calibration:
    sigma = _told(found, calibration)
    if sigma is None:
        return calibration
    return believing(calibration, sure={"axis_rad": max(sigma, 0.05e-3)}, coma_free_rad=_axis(found, calibration))


def _outcome(found: _Round, shots: Shots, away_m: float) -> Outcome:
    calibration = shots.calibration
    told = _told(found, calibration)
    sigma = None if told is None else axis_sigma(told, away_m)
    to_zero = _direction((0.0, 0.0), calibration, found.centre)
    # Seen from an axis further on by ω, the same lens has B2 + C3·ω̄.
    b2 = found.b2 + calibration.column.c3_m * to_zero.conjugate()
    quantity = ComaFreeAxis(
        tilt_rad=_axis(found, calibration) if sigma is not None else found.centre,
        tilt_sigma_rad=sigma if sigma is not None else _untold(found, calibration),
        b2_m=(b2.real, b2.imag),
        b2_sigma_m=math.hypot(found.b2_sigma, abs(calibration.column.c3_m) * axis_sigma(0.0, away_m)),
    )
    level, sentence = _words(quantity, sigma, calibration.column.c3_m)
    return Outcome(quantity, level, sentence, _evidence(found, shots), shots.dose_per_m2, shots.seconds)


def _words(quantity: ComaFreeAxis, sigma: float | None, c3_m: float) -> tuple[Level, str]:
    more = "Wait for drift to end, move to a place with more contrast, or expose longer, and measure again."
    if sigma is None:
        b2 = " / ".join(f"{b * 1e9:.0f}" for b in quantity.b2_m)
        told = f"B2 is {b2} nm (Re / Im, ± {quantity.b2_sigma_m * 1e9:.0f} nm)"
        if needs_axis(c3_m, AXIS_UNKNOWN_RAD):
            return Level.RED, f"The axis can't be told: the images are too noisy, and {told}. {more}"
        return Level.AMBER, (
            f"Cs is too small to tell an axis; {told}. "
            "Correct it with the corrector's coma alignment; beam tilts stay about the present zero."
        )
    y, x = (1e3 * t for t in quantity.tilt_rad)
    at = minus(f"({y:+.2f}, {x:+.2f}) mrad (y, x)")
    known = f"The coma-free axis is at {at}, known to {sigma * 1e3:.3f} mrad"
    if sigma <= _GREEN_RAD:
        return Level.GREEN, f"{known}: good enough."
    if sigma <= _AMBER_RAD:
        return Level.AMBER, f"{known}: usable, at a few nm of focus error. {more}"
    return Level.RED, f"{known}: not good enough. {more}"


def _evidence(found: _Round, shots: Shots) -> tuple[Evidence, ...]:
    """The even part along the tilt, 3β² Re(B2 e^{iφ}), of the ring against its centre: flat when the axis is met."""
    angles, even, sigmas = [], [], []
    residual = found.fit.rest.reshape(-1, 2)
    for m, rest in zip(found.moved, residual, strict=True):
        if m.first.tilt_rad != found.centre:
            continue
        beta = _direction(m.second.tilt_rad, shots.calibration, found.centre)
        along = beta / abs(beta)
        left = (complex(rest[1], rest[0]) * along.conjugate()).real * shots.pixel_m
        angles.append(math.degrees(np.angle(beta)))
        even.append(3 * abs(beta) ** 2 * (found.b2 * along).real + left)
        sigmas.append(sigma_px(m.covariance_px2) * shots.pixel_m)
    x, ring = np.linspace(-180, 180, 73), shots.calibration.tilt_matrix
    size = math.sqrt(abs(float(np.linalg.det(np.array(ring)))))
    radius = max((math.dist(m.second.tilt_rad, found.centre) for m in found.moved), default=0.0) * size
    fit_y = 3 * radius**2 * (found.b2 * np.exp(1j * np.radians(x))).real * 1e9
    series = Series("ring against its centre", np.array(angles), np.array(even) * 1e9, np.array(sigmas) * 1e9, x, fit_y)
    return (Evidence("Coma-free axis", "azimuth of the tilt (°)", "even displacement along it (nm)", (series,)),)
