"""What a tilt series promises of its focus, on paper and after it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from eucentric.msi.application import GridSettings, NodeSettings
from eucentric.msi.known import Check
from eucentric.units import show_bound


def series_promise(node: NodeSettings, grid: GridSettings, focused_sigma_m: float) -> tuple[Check, ...]:
    """The rms focus error that is allowed, against what focus measured beside the feature (1σ `focused_sigma_m`) tells
    of it: the film's slope and waves lie in between.
    """
    assert node.series is not None
    away_m, limit_m = node.series.focus_distance_m, node.series.focus_within_m
    is_m = math.hypot(focused_sigma_m, away_m * math.hypot(grid.slope_rad, grid.bend_m / grid.bend_length_m))
    if is_m <= limit_m:
        return (Check("focus rms", limit_m, is_m),)
    remedy = (
        f"Focus measured {show_bound(away_m)} beside the feature tells its focus to {show_bound(is_m)} at best. "
        "Measure it nearer (focus distance), give the grid's true slope and waves if they are less (grid: slope, "
        "bend), or allow more (focus within)."
    )
    return (Check("focus rms", limit_m, is_m, remedy),)


def series_kept(node: NodeSettings, sigmas_m: Sequence[float]) -> tuple[Check, ...]:
    """The rms that is allowed, against the predicted 1σ of the images that were taken."""
    assert node.series is not None
    limit_m = node.series.focus_within_m
    if not sigmas_m:
        return (Check("focus rms", limit_m, None, "No image was taken."),)
    rms_m = math.sqrt(sum(one**2 for one in sigmas_m) / len(sigmas_m))
    remedy = "Focus was refused or not believed at too many tilts: look at its targets beside the feature."
    return (Check("focus rms", limit_m, rms_m, "" if rms_m <= limit_m else remedy),)
