"""The figure of a tuning: pairs with their marks, defocus, χ² and evidence, and nothing cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from eucentric.correlation.shift import Shift
from eucentric.figures.tune import shown, tune_figure
from eucentric.figures.tune_tiles import COLUMNS, Tile, sheet_rows, tile_of
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.patterns import PatternName, pattern
from eucentric.focus.settings import FocusStep
from eucentric.images.frame import Frame
from eucentric.optimize.tuning.blanks import random_peaks
from eucentric.optimize.tuning.repeats import Mark, Repeat, marked
from eucentric.optimize.tuning.tune import Given, tune

from ..optimize.tuning.repeated import COLUMN, PIXEL_M, Bench, renumbered
from .test_figures import cut_off

PLAN = pattern(PatternName.PAIR, 5e-3)


def _tile(number: int) -> Tile:
    """That of images which are not square, the second moved by 7 pixels along x."""
    rng = np.random.default_rng(number)
    grain = rng.normal(0, 1, (128, 207))
    images = (grain[:, 7:], grain[:, :-7])
    frames = tuple(
        Frame((50 + 9 * i).astype(np.float32), pixel_m=PIXEL_M, time_s=float(k)) for k, i in enumerate(images)
    )
    result = measure_frames(frames, PLAN.tilts, PLAN.links, How(column=COLUMN))
    return tile_of(number, frames, result, PLAN.links[0])


def _chance(one: Repeat, chance: float) -> Shift:
    return replace(one.result.shift, false_lock_probability=chance)


def test_all_marks_are_drawn_and_no_word_is_cut_off() -> None:
    rng, bench = np.random.default_rng(2), Bench()
    repeats = renumbered(bench.series(7, 0, rng), bench.series(6, 0, rng))
    marks = marked(repeats, {3: Mark.BAD, 9: Mark.SKIPPED})
    blanks = tuple(
        replace(one, result=replace(one.result, shifts=(_chance(one, float(rng.uniform())),)))
        for one in bench.series(10, 0, rng)
    )
    peaks = random_peaks(repeats[0], (128, 128), 20, rng)
    step = FocusStep(name="Focus", preset="fa")
    told = tune(Given(step, tuple(repeats), marks, blanks, peaks))
    figure = tune_figure(
        told, [_tile(n) for n in range(1, 14)], title="Limits of step Focus on a test, from 13 repeats"
    )
    assert figure.get_figwidth() * figure.dpi == pytest.approx(1600)
    assert cut_off(figure) == []
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    marked_words = ("good (11), ± statistical", "bad (1), ± statistical", "skipped (1)", "red bad, grey skipped")
    for said in (
        *marked_words,
        "χ² in all (1 degree of freedom)",
        "C1 (",
        "limit\n12",
        "limit\n$10^{-6}$",
        "blank pairs (10)",
    ):
        assert said in words


def test_a_tile_shows_the_peak_in_its_middle() -> None:
    tile = _tile(1)
    assert tile.peak is not None
    middle = tile.peak.shape[0] // 2
    assert np.unravel_index(np.argmax(tile.peak), tile.peak.shape) == (middle, middle)
    assert tile.first.shape[0] == tile.first.shape[1]
    assert tile.words.startswith("1: ")


def test_of_many_repeats_those_that_are_not_good_are_shown_first() -> None:
    repeats = Bench().series(1, 0, np.random.default_rng(1)) * 50
    repeats = [replace(one, number=n) for n, one in enumerate(repeats, start=1)]
    marks = {n: Mark.BAD if n in {7, 33} else Mark.GOOD for n in range(1, 51)}
    numbers = shown(repeats, marks, 12)
    assert len(numbers) == 12
    assert {1, 7, 33, 50} <= set(numbers)
    assert shown(repeats, marks, 60) == list(range(1, 51))
    assert sheet_rows(12) == -(-12 // COLUMNS)
