"""A Correction: what to move, by how much, and whether the limits allow it. Pure; nothing moves here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eucentric.focus.measurement import Measurement
from eucentric.focus.settings import CorrectionLimits, CorrectionType, FocusStep
from eucentric.focus.verdict import Finding, Reason
from eucentric.units import show_length

# The first correction on a channel goes this part of the way, to see that focus follows as it should.
PROBE_FRACTION = 0.2
# A probe must stand out from what the channel itself does: backlash of a stage (about 1 µm), hysteresis of a lens.
PROBE_MIN_M = {CorrectionType.STAGE_Z: 6e-6, CorrectionType.DEFOCUS: 0.5e-6}
# A probe must also stand out from the scatter of the two measurements that it is seen by.
PROBE_SIGMAS = 10.0
# What part of the expected change a probe must show. Backlash can swallow half of a small move; a wrong sign shows −1.
PROBE_SHOWS = 0.3
# … and by how many of their errors the seen and the asked change must differ to say that it did not.
PROBE_ERRORS = 5.0
# 1σ of what a channel does beyond its scale: backlash of a stage, hysteresis of small lens steps.
PLAY_M = {CorrectionType.STAGE_Z: 0.5e-6, CorrectionType.DEFOCUS: 10e-9}


@dataclass(frozen=True, slots=True)
class Correction:
    """A change of C1 by `change_c1_m` through a channel that is moved by `move_m` to `target_m`. Metres.

    For Defocus the channel is the lens defocus, for Stage Z the stage's z.
    """

    channel: CorrectionType
    change_c1_m: float
    move_m: float
    target_m: float
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """Where the channel stands now, how C1 follows it, and whether it was seen to follow in this session.

    `c1_per_move` is 1 for the lens; for the stage the calibration's `height_per_z`.
    """

    kind: CorrectionType
    position_m: float
    c1_per_move: float = 1.0
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """The limits that hold for one correction: of the step (capture range by default) and of the sequence so far.

    From `approach_m` below its target the channel arrives: there too it must be allowed to be.
    """

    change_max_m: float
    limits: CorrectionLimits
    moved_m: float = 0.0
    approach_m: float = 0.0


def needed(measured: Measurement, step: FocusStep) -> bool:
    """Whether the step wants a correction: the error is above the tolerance and above delta min."""
    if step.correction_type is CorrectionType.NONE:
        return False
    return abs(measured.c1_m) > max(step.tolerance_m, step.delta_min_m)


def correction_of(measured: Measurement, channel: Channel) -> Correction:
    """The move that takes C1 to zero; the first on a channel is a probe, a part of the way."""
    change = -measured.c1_m
    if not channel.confirmed:
        smallest = max(PROBE_MIN_M.get(channel.kind, 0.0), PROBE_SIGMAS * measured.sigma_m)
        change = math.copysign(min(abs(change), max(PROBE_FRACTION * abs(change), smallest)), change)
    move = change / channel.c1_per_move
    return Correction(channel.kind, change, move, channel.position_m + move, probe=not channel.confirmed)


def check_limits(wanted: Correction, whole_m: float, allowed: Allowed) -> Finding | None:
    """Why the correction must not be made, None when it may. `whole_m` is the change that a probe is only a part of."""
    if abs(whole_m) > allowed.change_max_m:
        return Finding(
            Reason.BEYOND_RANGE,
            f"A change of {show_length(whole_m)} is wanted",
            f"this step may change at most {show_length(allowed.change_max_m)}",
            "Begin with a step at a lower magnification, or raise delta max if you trust it.",
        )
    limits = allowed.limits
    stage = wanted.channel is CorrectionType.STAGE_Z
    absolute = limits.stage_z_absolute_m if stage else limits.defocus_absolute_m
    farthest = max(wanted.target_m, wanted.target_m - _way(wanted, allowed.approach_m), key=abs)
    if abs(farthest) > absolute:
        what = "stage z" if stage else "lens defocus"
        other = "Load the grid nearer to eucentric height." if stage else "Correct the height first (Z Focus)."
        return Finding(
            Reason.ABSOLUTE_LIMIT,
            f"The correction would take the {what} to {show_length(farthest)}",
            f"at most {show_length(absolute)} either way",
            other,
        )
    if allowed.moved_m + abs(wanted.change_c1_m) > limits.cumulative_m:
        return Finding(
            Reason.CUMULATIVE_LIMIT,
            f"All corrections together would come to {show_length(allowed.moved_m + abs(wanted.change_c1_m))}",
            f"at most {show_length(limits.cumulative_m)} in one sequence",
            "Focus does not converge: check the calibration of the beam tilt and of the correction.",
        )
    return None


def _way(wanted: Correction, approach_m: float) -> float:
    """From how far below its target the channel arrives on purpose: not at all where it comes from farther below."""
    return approach_m if wanted.move_m < approach_m else 0.0


def followed(before: Measurement, after: Measurement, made: Correction) -> bool:
    """Whether C1 was seen to change with the right sign and by a good part of what was asked."""
    return (after.c1_m - before.c1_m) / made.change_c1_m >= PROBE_SHOWS


def check_followed(before: Measurement, after: Measurement, made: Correction) -> Finding | None:
    """Why the channel must not be used further: C1 clearly did not follow the probe. None when it may be used.

    A change too small to stand out from the errors of two measurements accuses nobody (and confirms nothing).
    """
    seen = after.c1_m - before.c1_m
    error = math.hypot(before.total_sigma_m, after.total_sigma_m, PLAY_M.get(made.channel, 0.0))
    if followed(before, after, made) or abs(seen - made.change_c1_m) < PROBE_ERRORS * error:
        return None
    return Finding(
        Reason.WRONG_SIGN,
        f"{made.channel} was moved to change focus by {show_length(made.change_c1_m)}, "
        f"and it changed by {show_length(seen)}",
        f"at least {PROBE_SHOWS:.0%} of the change must be seen",
        "The sign or scale of the correction, or the beam tilt calibration, is wrong: calibrate before focusing.",
    )
