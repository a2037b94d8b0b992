"""Every seed of the benchmarks, fixed beforehand and in one place."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Seed(IntEnum):
    """One stream per benchmark; a case and a repeat number extend it."""

    ACCURACY = 20_260_101
    MULTISLICE = 20_260_102
    SCATTER = 20_260_103
    COVERAGE = 20_260_104
    FALSE_LOCKS = 20_260_105
    SIGNAL = 20_260_106
    CAPTURE = 20_260_107
    SPEED = 20_260_108
    CALIBRATED = 1000  # of simulated microscopes: 1000, 1001 …
    FAULTS = 2000  # of simulated microscopes
    DRIFT = 3000  # of simulated microscopes: 3000, 3001 …
    STAGE_TILTS = 4000  # of simulated microscopes: 4000, 4001 …
    MSI_T = 5000  # of simulated microscopes: 5000, 5001 …
    KILLS = 6000  # of a simulated microscope, and of the moments
    TOMOGRAPHY = 7100  # of simulated microscopes: 7100, 7101 …; 7000 and 7001 were looked at when settings were chosen
    GONIOMETERS = 8000  # of goniometers: 8000, 8001 …
    TUNING = 9000  # of simulated microscopes: 9000, 9001 …
    FOCUS_RUNS = 1  # of `eucentric focus --seed`: 1, 2, 3 … 20


def stream(seed: Seed, *place: int) -> np.random.Generator:
    """The generator of one case and repeat: independent of how many others were drawn before it."""
    return np.random.default_rng([int(seed), *place])
