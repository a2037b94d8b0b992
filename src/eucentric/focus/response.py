"""How a channel answers: how much of the change that is asked of it comes, and with which error. Pure.

Z errs mostly in its scale: after one large move that was looked at, the next, smaller one is as much surer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from eucentric.calibration.instrument import Uncertainty
from eucentric.focus.correct import Correction
from eucentric.focus.measurement import Measurement, with_error
from eucentric.focus.settings import CorrectionType, FocusSettings

DISAGREE_SIGMAS = 4.0


@dataclass(frozen=True, slots=True)
class Response:
    """Change of C1 that comes, over the one that the calibration promises: `ratio`, known to a part of `sigma`;
    `arrival_m` is the 1σ of where the channel arrives beside that.
    """

    ratio: float
    sigma: float
    arrival_m: float = 0.0


def promised(kind: CorrectionType, sure: Uncertainty, settings: FocusSettings) -> Response:
    """What is known of a channel before it was moved.

    A lens that is set straight leaves the part h of its way behind, between none and twice that, so 1 − h of it comes;
    one that always arrives from the same side comes all the way. Z plays where it does not arrive from below.
    """
    if kind is CorrectionType.STAGE_Z:
        play_m = 0.0 if settings.z_approach_m else sure.z_play_m
        return Response(1.0, sure.height_scale, math.hypot(sure.z_arrival_m, play_m))
    left = 0.0 if settings.focus_approach_m else sure.focus_hysteresis
    return Response(1.0 - left, math.hypot(sure.focus_scale, left / math.sqrt(3)))


def learned(known: Response, made: Correction, before: Measurement, after: Measurement) -> Response:
    """What is known of Z once a move was looked at: promise and observation weighted by their errors.

    Both measurements count with all their errors, as if none were common to them. What does not agree with the promise
    teaches nothing: a stage that did not move has not another scale. A lens is not learned from either: what it leaves
    behind depends on where it came from.
    """
    if made.channel is not CorrectionType.STAGE_Z or known.sigma == 0:
        return known
    seen = (after.c1_m - before.c1_m) / made.change_c1_m
    sigma = math.hypot(before.total_sigma_m, after.total_sigma_m, known.arrival_m) / abs(made.change_c1_m)
    if abs(seen - 1) > DISAGREE_SIGMAS * math.hypot(known.sigma, sigma):
        return known
    promise, observation = known.sigma**-2, sigma**-2
    factor = (promise + observation * seen) / (promise + observation)
    return replace(known, ratio=known.ratio * factor, sigma=(promise + observation) ** -0.5)


def left_by(before: Measurement, made: Correction, response: Response) -> Measurement:
    """What a correction must have left where nobody looks again: the measurement moved, with the errors of the move."""
    moved = replace(before, c1_m=before.c1_m + made.change_c1_m)
    channel = str(made.channel).lower()
    scaled = with_error(moved, f"{channel} scale", response.sigma * abs(made.change_c1_m))
    return with_error(scaled, f"{channel} arrival", response.arrival_m)
