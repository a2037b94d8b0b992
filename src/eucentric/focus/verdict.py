"""Can a measurement be believed? Pure decisions; every reason is an enumerated value with a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import special

from eucentric.correlation.shift import FixedPattern, Shift
from eucentric.focus.measurement import Measurement
from eucentric.focus.pixels import Pixels
from eucentric.focus.settings import Thresholds
from eucentric.units import show_chance, show_length, show_odds


class Reason(StrEnum):
    """Why a measurement or a correction is refused. The order is the order in which reasons are told."""

    BLANK = "blank"
    SATURATED = "saturated"
    BEAM_OFF_VIEW = "beam off view"
    FALSE_LOCK = "false lock"
    FIXED_PATTERN = "fixed pattern"
    CONTRAST_REVERSED = "contrast reversed"
    CONTRAST_LOST = "contrast lost"
    OVERLAP = "overlap"
    AMBIGUOUS = "ambiguous"
    CHI_SQUARE = "chi square"
    FIT_LIMIT = "fit limit"
    UNEXPECTED = "unexpected"
    BEYOND_RANGE = "beyond range"
    ABSOLUTE_LIMIT = "absolute limit"
    CUMULATIVE_LIMIT = "cumulative limit"
    WRONG_SIGN = "wrong sign"
    HALVES_DISAGREE = "halves disagree"
    DRIFT = "drift"
    DOSE_BUDGET = "dose budget"
    BY_HAND = "by hand"
    STIG_PATTERN = "one tilt direction"
    STIG_DEFOCUS = "stig defocus"
    STIG_NOT_SIGNIFICANT = "astigmatism not significant"
    STIG_LIMIT = "stigmator limit"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to refuse: what was found, what is allowed, what the operator can do."""

    reason: Reason
    found: str
    allowed: str
    advice: str

    def __str__(self) -> str:
        return f"{self.found}; {self.allowed}. {self.advice}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Accepted when nothing was found against it."""

    findings: tuple[Finding, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the measurement is believed."""
        return not self.findings

    @property
    def reason(self) -> Reason | None:
        """The first reason against it, None when accepted."""
        return self.findings[0].reason if self.findings else None

    @property
    def sentence(self) -> str | None:
        """What to tell the operator, None when accepted."""
        return str(self.findings[0]) if self.findings else None

    def __str__(self) -> str:
        return "accepted" if self.accepted else f"refused ({self.reason}): {self.sentence}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one measurement offers to its judge.

    `rivals_m` holds the defocus that the runner-up of each shift would mean, None where there is none; `rivals_fit`
    whether any defocus explains it (empty: not known). `misfit_px2` is the squared misfit of the shift across the tilt
    in unbinned px², `fit_limit_px2` the largest that is allowed (None: it is not asked for).
    """

    measurement: Measurement
    shifts: tuple[Shift, ...]
    rivals_m: tuple[float | None, ...]
    pixels: tuple[Pixels, ...] = ()
    range_m: float | None = None
    rivals_fit: tuple[bool, ...] = ()
    misfit_px2: float | None = None
    fit_limit_px2: float | None = None


def judge(evidence: Evidence, thresholds: Thresholds) -> Verdict:
    """The verdict on a measurement, reasons in the order of `Reason`."""
    found = [f for p in evidence.pixels for f in _pixels(p, thresholds)]
    fits = evidence.rivals_fit or (True,) * len(evidence.shifts)
    explained = (m if fit else None for m, fit in zip(evidence.rivals_m, fits, strict=True))
    for shift, rival in zip(evidence.shifts, explained, strict=True):
        found += _shift(shift, rival, evidence.measurement, thresholds)
    found += _fit(evidence, thresholds)
    order = list(Reason)
    unique = {f.reason: f for f in reversed(found)}
    return Verdict(tuple(sorted(unique.values(), key=lambda f: order.index(f.reason))))


def _pixels(pixels: Pixels, limit: Thresholds) -> list[Finding]:
    if pixels.blank:
        return [
            Finding(
                Reason.BLANK,
                "An image has one value in all its pixels",
                "an image must vary",
                "Check that the beam is on, the blanker open and the camera inserted.",
            )
        ]
    if pixels.saturated > limit.saturated_max:
        return [
            Finding(
                Reason.SATURATED,
                f"{pixels.saturated:.1%} of the pixels are at the camera's maximum",
                f"allowed {limit.saturated_max:.1%}",
                "Spread the beam or expose for a shorter time.",
            )
        ]
    return []


def _shift(shift: Shift, rival_m: float | None, measured: Measurement, limit: Thresholds) -> list[Finding]:
    found = []
    if min(shift.lit) < limit.lit_min:
        found.append(
            Finding(
                Reason.BEAM_OFF_VIEW,
                f"Only {min(shift.lit):.0%} of an image is lit",
                f"at least {limit.lit_min:.0%}",
                "The beam moves off the view: align the beam tilt pivot points, or centre and spread the beam.",
            )
        )
    found += _match(shift, limit)
    if shift.overlap < limit.overlap_min:
        found.append(
            Finding(
                Reason.OVERLAP,
                f"The images share only {shift.overlap:.0%} of their area",
                f"at least {limit.overlap_min:.0%}",
                "Use a smaller beam tilt or a lower magnification.",
            )
        )
    rival = shift.runner_up
    if rival is not None and rival.odds < limit.odds_min and shift.false_lock_probability <= limit.false_lock_max:
        found.append(_ambiguous(rival.odds, rival_m, measured, limit))
    return found


_FIXED_PATTERN = Finding(
    Reason.FIXED_PATTERN,
    "The match at zero shift may be the camera's own pattern",
    "specimen and camera must be told apart",
    "Defocus by 1 µm and measure again, or renew the gain reference.",
)
_REVERSED = Finding(
    Reason.CONTRAST_REVERSED,
    "One image is the negative of the other",
    "contrast must have one sign",
    "Centre the objective aperture or take a larger one, or use a smaller beam tilt.",
)
_LOST = Finding(
    Reason.CONTRAST_LOST,
    "No spatial frequency is common to both images beyond noise",
    "at least one band",
    "Centre the objective aperture or take a larger one, use a smaller beam tilt, or expose longer.",
)


def _match(shift: Shift, limit: Thresholds) -> list[Finding]:
    """Against the match: it may be the camera's, or none; the images' contrast differs, or they share none."""
    lock = shift.false_lock_probability <= limit.false_lock_max
    found = []
    if shift.fixed_pattern is FixedPattern.INDISTINGUISHABLE:
        found.append(_FIXED_PATTERN)
    elif not lock:
        found.append(_false_lock(shift, limit))
    if shift.contrast_sign < 0:
        found.append(_REVERSED)
    if lock and shift.coherence is not None and not bool(np.any(shift.coherence.used)):
        found.append(_LOST)
    return found


_UNSURE = 0.05  # a smaller chance says that something is in common, though not enough to be sure


def _false_lock(shift: Shift, limit: Thresholds) -> Finding:
    chance = shift.false_lock_probability
    allowed = f"allowed {limit.false_lock_max:.0e}"
    if chance < _UNSURE:
        return Finding(
            Reason.FALSE_LOCK,
            f"Too little in common between the images to be sure (chance {show_chance(chance)})",
            allowed,
            "Expose longer, or look where contrast is larger: thicker carbon, more defocus.",
        )
    return Finding(
        Reason.FALSE_LOCK,
        f"Nothing in common between the images (chance {show_chance(chance)}): blank, beam off, or out of reach",
        allowed,
        "Move to carbon. Where there is carbon, it is further out of focus than this step reaches: Z Focus first.",
    )


def _ambiguous(odds: float, rival_m: float | None, measured: Measurement, limit: Thresholds) -> Finding:
    other = "a shift that no defocus explains" if rival_m is None else show_length(rival_m)
    return Finding(
        Reason.AMBIGUOUS,
        f"Two answers fit: {show_length(measured.c1_m)} or {other} (odds {show_odds(odds)} to 1)",
        f"{limit.odds_min:g} to 1 is needed",
        "The specimen repeats itself: use a smaller beam tilt, or a higher magnification between the holes.",
    )


def _fit(evidence: Evidence, limit: Thresholds) -> list[Finding]:
    found = []
    measured = evidence.measurement
    # The same chance for every number of degrees of freedom: χ² per degree scatters less where there are more.
    allowed = float(special.chdtri(measured.dof, special.chdtrc(1, limit.chi2_per_dof_max))) / measured.dof
    if measured.chi2_per_dof > allowed:
        found.append(
            Finding(
                Reason.CHI_SQUARE,
                f"The shifts do not fit a defocus: χ² per degree of freedom is {measured.chi2_per_dof:.3g}",
                f"at most {allowed:.3g}",
                "Wait for drift to end, check the beam tilt calibration, or correct astigmatism.",
            )
        )
    misfit, most = evidence.misfit_px2, evidence.fit_limit_px2
    if misfit is not None and most is not None and misfit > most:
        found.append(
            Finding(
                Reason.FIT_LIMIT,
                f"The shift misses the direction of the tilt by {misfit:.3g} px² (squared, unbinned)",
                f"the fit limit is {most:.3g} px²",
                "Wait for drift to end or check the beam tilt calibration; a fit limit may also be too small.",
            )
        )
    if evidence.range_m is not None and abs(measured.c1_m) > evidence.range_m:
        found.append(
            Finding(
                Reason.BEYOND_RANGE,
                f"The defocus of {show_length(measured.c1_m)} is beyond the range of this step",
                f"at most {show_length(evidence.range_m)}",
                "Begin with a step at a lower magnification or a smaller beam tilt.",
            )
        )
    return found
