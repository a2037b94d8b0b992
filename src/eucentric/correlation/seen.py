"""The two images as they are compared: as taken, or un-stretched where the specimen is tilted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from eucentric.correlation.both import both
from eucentric.correlation.pattern import PatternPlace
from eucentric.correlation.search import SearchRange
from eucentric.images.prepare import Prepared
from eucentric.images.stretch import common_shape, unstretched
from eucentric.optics.pair import PairOptics
from eucentric.optics.stretch import Stretch, defocus_spread_m, stretch_of

STRETCHED_PX = 0.05
"""Where the shift changes by less than this from the middle to the edge, nothing is interpolated."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The two images as they are compared: as taken, or un-stretched where the specimen is tilted."""

    first: Prepared
    second: Prepared
    pair: PairOptics | None
    where: SearchRange
    stretch: Stretch | None
    workers: int

    def without_zero(self) -> Seen:
        """The same, searched where no camera pattern is."""
        return replace(self, where=replace(self.where, without_zero=True))


def seen_of(first: Prepared, second: Prepared, pair: PairOptics | None, where: SearchRange, *, workers: int) -> Seen:
    """Un-stretch the images of a tilted specimen, and reckon with its defocus varying across them."""
    stretch = None if pair is None else stretch_of(pair)
    if pair is None or stretch is None:
        return Seen(first, second, pair, where, None, workers)
    if float((np.abs(stretch.pattern) @ (0.5 * np.array(first.shape))).max()) < STRETCHED_PX:
        return Seen(first, second, replace(pair, slope=(0.0, 0.0)), where, None, workers)
    shape = common_shape(first.shape, (stretch.first, stretch.second))
    spread = defocus_spread_m(pair, shape)
    one, two = both(
        lambda job: unstretched(job[0], job[1], shape),
        (first, stretch.first),
        (second, stretch.second),
        workers=workers,
    )
    return Seen(
        one,
        two,
        replace(pair, defocus_sigma_m=math.hypot(pair.defocus_sigma_m, spread)),
        replace(where, place=PatternPlace(stretch.pattern, shape)),
        stretch,
        workers,
    )
