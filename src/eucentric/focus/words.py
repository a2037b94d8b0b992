"""What happens in a run, in words: those of the terminal, the logs and the page."""

from __future__ import annotations

import math

from eucentric.focus import events
from eucentric.focus.correct import Correction
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusStep
from eucentric.focus.verdict import Verdict
from eucentric.units import E_PER_A2, decimals, minus, show_angle, show_length

_SPEED_DECIMALS = 9  # of a nm/s at most
_WHOLE_M = 10e-6  # longer ranges are told in whole micrometres


def verdict_words(verdict: Verdict) -> str:
    """Accepted, or refused and why."""
    return "accepted" if verdict.accepted else f"refused. {verdict.sentence}"


def signed_length(length_m: float) -> str:
    """A length with its sign, whichever it is."""
    return f"{'+' if length_m > 0 else ''}{show_length(length_m)}"


def correction_words(correction: Correction) -> str:
    """What was moved, by how much."""
    probe = " (a probe: whether focus follows is looked at before the next one)" if correction.probe else ""
    return f"{correction.channel} by {signed_length(correction.move_m)}{probe}"


def dose_words(dose_e_per_m2: float) -> str:
    """Electrons in the unit that microscopists count in."""
    return f"{dose_e_per_m2 / E_PER_A2:.1f} e/Å²"


def speed_words(speed_m_per_s: float) -> str:
    """A drift for people: with two digits that count, and two decimals at least."""
    speed = speed_m_per_s * 1e9
    return f"{speed:.{max(decimals(speed, _SPEED_DECIMALS), 2) if speed > 0 else 2}f} nm/s"


def pattern_words(step: FocusStep) -> str:
    """What the beam tilts of a step are called."""
    return f"{len(step.tilts_rad)} tilts of its own" if step.tilts_rad else str(step.pattern)


def step_words(step: FocusStep, range_m: float) -> str:
    """A step's line: what it does, with what, how far it reaches."""
    if step.focus_method is FocusMethod.MANUAL:
        return f"Step {step.name}: preset {step.preset}, by hand"
    if step.focus_method is FocusMethod.NONE:
        return f"Step {step.name}: preset {step.preset}, nothing is measured"
    if step.focus_method is FocusMethod.STAGE_TILT:
        how = f"stage tilt ±{math.degrees(step.tilt_rad):.3g}°"
    else:
        how = f"±{show_angle(step.largest_tilt_rad)}, {pattern_words(step)}"
    away = f", measured at {show_length(step.offset_m)}" if step.offset_m else ""
    no_correction = step.correction_type is CorrectionType.NONE
    corrects = "corrects nothing" if no_correction else f"corrects by {step.correction_type}"
    reach = show_length(range_m, 0 if range_m >= _WHOLE_M else 1)
    return (
        f"Step {step.name}: preset {step.preset}, {how}{away}, {corrects}, range ±{reach}, "
        f"tolerance {show_length(step.tolerance_m)}"
    )


def drift_words(event: events.DriftMeasured) -> str:
    """One look at the drift, and whether it is waited for."""
    goal = speed_words(event.threshold_m_per_s)
    if event.speed_m_per_s is None:
        return f"not known (the images did not tell), below {goal} is waited for"
    speed = speed_words(event.speed_m_per_s)
    if event.sigma_m_per_s is not None:
        error = event.sigma_m_per_s * 1e9
        digits = decimals(error, _SPEED_DECIMALS)
        speed = f"{event.speed_m_per_s * 1e9:.{digits}f} ± {error:.{digits}f} nm/s"
    return f"{speed}: still" if event.still else f"{speed}, waiting until it is below {goal}"


def stigmated_words(event: events.Stigmated) -> str:
    """What astigmatism was taken away, and how far the stigmator went."""
    a, b = (minus(f"{v * 1e9:.1f}") for v in event.a1_m)
    (y0, x0), (y1, x1) = event.before, event.arrived
    went = minus(f"({x0:.4f}, {y0:.4f}) to ({x1:.4f}, {y1:.4f})")
    return f"astigmatism (a, b) = ({a}, {b}) nm taken away, stigmator (x, y) from {went}"


def by_hand_words(event: events.ByHand) -> str:
    """What the operator moved, or what of it was taken back."""
    back = " (taken back)" if event.back else ""
    return f"{event.channel} by {signed_length(event.change_m)}, now {show_length(event.arrived_m)}{back}"


def measured_words(result: DefocusResult) -> str:
    """A measurement as it is told while work goes on: the statistical error only where it matters."""
    measured = result.measurement
    if not result.accepted or result.nothing_found or measured.sigma_m >= _MATTERS * measured.total_sigma_m:
        return result.words
    return measured.words(statistical=False)


_MATTERS = 0.1  # of the total error: less than that is noise beside it
