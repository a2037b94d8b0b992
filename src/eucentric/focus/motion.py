"""The motion that decays after a place is first exposed: how much of it a later look must still reckon with. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from eucentric.calibration.instrument import Uncertainty
from eucentric.errors import InputError
from eucentric.focus.forward import DECAYS


def after_exposure(sure: Uncertainty, exposed_s: float) -> Uncertainty:
    """What is believed where a place was first exposed `exposed_s` seconds before the first image (inf: long ago).

    Of a motion m·exp(−t/τ) the part m·exp(−exposed/τ) is left. With the prior's variance shared by τ/2, τ and 2τ the
    rms of the three is taken: after 2 τ it is 23 %, most of it the slowest part's. For melting, `exposed_s` is the
    melt time and all that came after it. Raises InputError for a negative time.
    """
    if not exposed_s >= 0:
        raise InputError(f"A place can't have been exposed {exposed_s:g} s ago. Give 0 s for one never exposed before.")
    left = math.sqrt(sum(math.exp(-2 * exposed_s / (k * sure.first_motion_s)) for k in DECAYS) / len(DECAYS))
    return replace(sure, first_motion_m=sure.first_motion_m * left)
