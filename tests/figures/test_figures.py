"""The figures: what must be in them, and that nothing is cut off."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.figures.measure import measure_figure
from eucentric.figures.pair import binned
from eucentric.figures.run import run_figure
from eucentric.figures.saved import save
from eucentric.figures.style import length_label, round_length
from eucentric.focus.correct import Correction
from eucentric.focus.measure import measure_defocus
from eucentric.focus.outcome import Round, RunResult, Status, StepResult
from eucentric.focus.settings import CorrectionType, default_sequence
from eucentric.images.frame import Frame

SIDE, PIXEL_M, C3_M = 192, 0.4e-9, 2.7e-3
WIDTH_PX = 1600


def pair_of_frames():
    """The same scene twice, moved by whole pixels, with independent noise; not square."""
    rng = np.random.default_rng(5)
    scene = rng.normal(0, 1, (SIDE + 40, SIDE + 140))
    cut = [scene[:SIDE, 30 : 30 + SIDE + 50], scene[:SIDE, 12 : 12 + SIDE + 50]]
    return tuple(Frame((40 + 6 * c + rng.normal(0, 3, c.shape)).astype(np.float32), pixel_m=PIXEL_M) for c in cut)


FRAMES = pair_of_frames()


def result_of(method):
    first, second = (frame.pixels for frame in FRAMES)
    return measure_defocus(
        first, second, pixel_m=PIXEL_M, voltage_v=300e3, c3_m=C3_M, tilt_rad=5e-3, tilt_angle_rad=0.1, method=method
    )


@pytest.fixture(scope="module")
def results():
    return {method: result_of(method) for method in Method}


def run_of(result):
    coarse, fine = default_sequence().steps
    moved = Correction(CorrectionType.STAGE_Z, -150e-6, -150e-6, -150e-6)

    def step(settings, values_m):
        measured = [
            dataclasses.replace(result, measurement=dataclasses.replace(result.measurement, c1_m=value))
            for value in values_m
        ]
        rounds = [Round(one, moved) for one in measured[:-1]] + [Round(measured[-1], None)]
        return StepResult(settings, Status.DONE, tuple(rounds), None, 1e21)

    steps = (step(coarse, (150e-6, 0.4e-6)), step(fine, (-0.41e-6, 0.0)))
    return RunResult("simulated", default_sequence(), False, steps, frozenset())


def cut_off(figure):
    """Words that reach beyond the figure's edge; labels of ticks that are out of view don't count."""
    assert isinstance(figure.canvas, FigureCanvasAgg)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    edge = figure.bbox.padded(1)
    ticks = {label for ax in figure.axes for label in (*ax.get_xticklabels(), *ax.get_yticklabels())}
    beyond = []
    for text in figure.findobj(Text):
        clipped = text.get_clip_on() and text.get_clip_box() is not None
        if text in ticks or clipped or not text.get_text():
            continue
        box = text.get_window_extent(renderer)
        if not (edge.contains(*box.min) and edge.contains(*box.max)):
            beyond.append(text.get_text())
    return beyond


def test_words_that_are_cut_off_are_seen(results):
    figure = measure_figure(FRAMES, results[Method.MATCHED], c3_m=C3_M, title="long " * 60)
    assert any("long" in text for text in cut_off(figure))


def words(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("method", list(Method))
def test_a_measurement_shows_what_it_was_made_from(results, method):
    figure = measure_figure(FRAMES, results[method], c3_m=C3_M)
    said = words(figure)
    for piece in ("mrad", "nm", "shift x (pixels)", "defocus (µm", "spatial frequency (1/nm)", "peak", "search limit"):
        assert piece in said
    assert ("accepted" if results[method].accepted else "refused") in said
    assert cut_off(figure) == []


def test_both_images_have_the_same_contrast(results):
    figure = measure_figure(FRAMES, results[Method.MATCHED], c3_m=C3_M)
    first, second = (ax.images[0].get_clim() for ax in figure.axes[:2])
    assert first == second


def test_a_run_shows_its_steps_the_tolerances_and_the_truth(results):
    figure = run_figure(run_of(results[Method.MATCHED]), FRAMES, c3_m=C3_M, truths_m=(149e-6, 0.5e-6, None, 3e-9))
    said = words(figure)
    for piece in ("coarse", "fine", "tolerance", "truth", "Stage Z\n−150.00 µm", "100 nm asked", "|defocus|"):
        assert piece in said
    assert figure.axes[0].get_yscale() == "log"
    assert cut_off(figure) == []


def test_what_was_taken_elsewhere_on_purpose_is_said(results):
    away = dataclasses.replace(results[Method.MATCHED], offset_m=-0.5e-6)
    for figure in (measure_figure(FRAMES, away, c3_m=C3_M), run_figure(run_of(away), FRAMES, c3_m=C3_M)):
        assert words(figure).replace("\n", " ").count("taken at −0.500 µm on purpose") == 2
        assert cut_off(figure) == []


def test_a_run_without_images_or_measurements_is_drawn(results):
    run = run_of(results[Method.MATCHED])
    assert "Defocus through the run" in words(run_figure(run, None, c3_m=C3_M))
    nothing = dataclasses.replace(run, steps=())
    assert "Nothing was measured" in words(run_figure(nothing, None, c3_m=C3_M))


def test_figures_are_1600_pixels_wide(results, tmp_path):
    path = save(measure_figure(FRAMES, results[Method.PHASE], c3_m=C3_M), tmp_path / "new" / "a.png")
    with Image.open(path) as picture:
        assert picture.width == WIDTH_PX


def test_figures_that_cant_be_written_are_refused(results, tmp_path):
    figure = measure_figure(FRAMES, results[Method.PHASE], c3_m=C3_M)
    with pytest.raises(InputError, match=r"\.bmp"):
        save(figure, tmp_path / "a.bmp")
    with pytest.raises(InputError, match=r"has no ending\. Use \.png, \.pdf or \.svg, as in a\.png"):
        save(figure, tmp_path / "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        save(figure, tmp_path / "file" / "a.png")


@pytest.mark.parametrize(("value", "down"), [(1.0, 1.0), (1.99, 1.0), (2.0, 2.0), (4.9, 2.0), (7e-9, 5e-9)])
def test_round_lengths(value, down):
    assert round_length(value) == pytest.approx(down)


@pytest.mark.parametrize(("value_m", "label"), [(5e-8, "50 nm"), (1e-6, "1 µm"), (2e-4, "200 µm"), (1e-3, "1 mm")])
def test_length_labels(value_m, label):
    assert length_label(value_m) == label


def test_binning_averages_whole_blocks():
    image = np.arange(8 * 12, dtype=np.float64).reshape(8, 12)
    small = binned(image, 6)  # blocks of 2 × 2
    assert small.shape == (4, 6)
    assert small[0, 0] == pytest.approx(image[:2, :2].mean())
