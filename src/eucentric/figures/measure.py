"""The figure of one measurement: the pair, the correlation, the coherence."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure, SubFigure

from eucentric.correlation.search import SearchRange
from eucentric.figures.coherence import draw_coherence
from eucentric.figures.correlation import Searched, draw_cut, draw_map, draw_peak
from eucentric.figures.line import expected_line
from eucentric.figures.pair import draw_pair
from eucentric.figures.style import GREEN, RED, blank_figure, looks
from eucentric.focus.result import DefocusResult
from eucentric.images.frame import Frame
from eucentric.units import show_length

_HEIGHT_IN = 9.2
_LETTERS = 120  # that fit on a line of the headline


def measure_figure(frames: tuple[Frame, Frame], result: DefocusResult, *, c3_m: float, title: str = "") -> Figure:
    """Draw what a measurement was made from. `frames` are the images of the result's first shift; `title` leads it.

    Raises InputError when the two tilts are equal.
    """
    with looks():
        figure = blank_figure(_HEIGHT_IN)
        draw_measurement(figure, frames, result, c3_m=c3_m)
        lines = ([title] if title else []) + headline(result)
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=13, color=colour(result))
    return figure


def draw_measurement(
    figure: Figure | SubFigure, frames: tuple[Frame, Frame], result: DefocusResult, *, c3_m: float
) -> None:
    """Fill a (sub)figure with the six panels of a measurement."""
    axes = figure.subplots(2, 3)
    tilts = (result.exposures.tilts[0], result.exposures.tilts[1])
    line = expected_line(tilts, result.pixel_m, c3_m=c3_m)
    searched = Searched(frames[0].shape, SearchRange().min_overlap)
    shift = result.shift
    images = (frames[0].pixels, frames[1].pixels)
    draw_pair((axes[0, 0], axes[0, 1]), images, tilts, result.pixel_m, stage_tilts_rad=_stage_tilts(frames))
    draw_map(axes[0, 2], shift, line, searched)
    draw_cut(axes[1, 0], shift, line, searched)
    if result.offset_m:
        axes[1, 0].set_xlabel(f"shift along the tilt (pixels{taken_at(result)})")
    draw_peak(axes[1, 1], shift, line)
    draw_coherence(axes[1, 2], shift.coherence, result.pixel_m)


def headline(result: DefocusResult) -> list[str]:
    """The measurement and the verdict in words, wrapped."""
    verdict = "accepted" if result.accepted else f"refused. {result.verdict.sentence}"
    return [f"Defocus {result.words}{taken_at(result)}", *textwrap.wrap(verdict, _LETTERS)]


def taken_at(result: DefocusResult) -> str:
    """Why the shift shows another defocus than the one told, where it does."""
    return f"; taken at {show_length(result.offset_m)} on purpose" if result.offset_m else ""


def colour(result: DefocusResult) -> str:
    """Green for accepted, vermillion for refused; the words say it too."""
    return GREEN if result.accepted else RED


_STAGE_MOVED_RAD = 1e-3  # less is the flicker of an encoder: images of a pair by beam tilt


def _stage_tilts(frames: tuple[Frame, Frame]) -> tuple[float, float] | None:
    """The stage's tilts of images that differ by them, None for a pair by beam tilt."""
    first, second = (frame.state.stage_alpha_rad for frame in frames)
    if first is None or second is None or abs(second - first) < _STAGE_MOVED_RAD:
        return None
    return (first, second)
