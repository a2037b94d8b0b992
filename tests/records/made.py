"""A run as the loop tells it, made of two small images and one true measurement of them: fast to write many times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from eucentric.calibration.instrument import Calibration, Source
from eucentric.focus import events
from eucentric.focus.correct import Correction
from eucentric.focus.how import How
from eucentric.focus.measure import measure_frames
from eucentric.focus.outcome import Round, RunResult, Status, StepResult
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.verdict import Finding, Reason, Verdict
from eucentric.images.frame import Frame, OpticalState
from eucentric.optics.column import Column
from eucentric.records.export import export_run
from eucentric.records.place import Images, Place
from eucentric.records.reading import Records
from eucentric.records.run_folder import empty_folder

SIDE, PIXEL_M, TILT_RAD = 64, 0.3e-9, 5e-3
STEP = FocusStep(name="fine", preset="fa", tilt_rad=TILT_RAD, tolerance_m=50e-9)
SEQUENCE = FocusSequence(name="Focus", steps=(STEP,), accuracy_m=1e-6)
SETTINGS = FocusSettings(sequence=SEQUENCE, melt_time_s=1.0)
COLUMN = Column(voltage_v=200e3, c3_m=0.0)
TAKEN = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
CALIBRATION = Calibration("simulated", COLUMN, sources=(Source("tilt response", TAKEN, "fa"),))
HOW = How(COLUMN, range_m=20e-6, offset_m=90e-9)  # of which 3 pixels at ±5 mrad tell
TILTS = ((0.0, -TILT_RAD), (0.0, TILT_RAD))
CORRECTION = Correction(CorrectionType.DEFOCUS, -1e-6, -1e-6, -1.5e-6, probe=True)
REFUSAL = Finding(Reason.FALSE_LOCK, "Nothing in common", "allowed 1e-06", "Move to carbon.")


@cache
def frames() -> tuple[Frame, Frame]:
    """The same scene twice, 3 pixels apart along x, with noise of their own."""
    rng = np.random.default_rng(7)
    scene = rng.normal(0, 1, (SIDE, SIDE + 3))
    pixels = (scene[:, 3:], scene[:, :-3])
    return tuple(  # type: ignore[return-value]
        Frame(
            (60 + 8 * one + rng.normal(0, 2, one.shape)).astype(np.float32),
            pixel_m=PIXEL_M,
            state=OpticalState(
                voltage_v=200e3,
                preset="fa",
                magnification=5e4,
                defocus_m=-0.5e-6,
                tilt_rad=tilt,
                stage_z_m=2e-6,
                stage_x_m=1e-5,
                stage_y_m=-1e-5,
                stage_alpha_rad=0.0,
                focus_m=-0.4e-6,
                stigmator=(0.01, -0.02),
            ),
            time_s=10.0 + n,
            exposure_s=0.5,
            dose_e_per_m2=5e20,
            saturation=4095.0,
            name="camera",
        )
        for n, (one, tilt) in enumerate(zip(pixels, TILTS, strict=True))
    )


@cache
def found() -> DefocusResult:
    """What the two images say."""
    return measure_frames(frames(), TILTS, ((0, 1),), HOW)


def result_of(*, accepted: bool) -> DefocusResult:
    """The same, believed or not."""
    verdict = Verdict() if accepted else Verdict((REFUSAL, replace(REFUSAL, reason=Reason.OVERLAP)))
    return replace(found(), verdict=verdict)


def measurement(number: int, result: DefocusResult | None = None) -> Iterator[events.Event]:
    """One measurement as it is told, up to its verdict."""
    result = result or result_of(accepted=True)
    time_s = 20.0 + number
    for index, frame in enumerate(frames()):
        yield events.FrameTaken(frame.time_s, "fine", number, index, frame)
    yield events.Assumed(time_s, "fine", number, "fa", CALIBRATION, HOW)
    yield events.ShiftFound(time_s, "fine", number, (0, 1), result.shift)
    yield events.Measured(time_s, "fine", number, result)
    yield events.Judged(time_s, "fine", number, result.verdict)


@dataclass(frozen=True)
class Told:
    """A whole run: its events and its result."""

    events: tuple[events.Event, ...]
    result: RunResult


def run(verdicts: tuple[bool, ...] = (True, True), *, start_s: float = 0.0) -> Told:
    """A run of one step with so many measurements: each accepted or refused, the first one followed by a correction."""
    results = tuple(result_of(accepted=one) for one in verdicts)
    rounds = [Round(one, None) for one in results]
    refused = not verdicts[-1]
    corrects = len(rounds) > 1
    if corrects:
        rounds[0] = replace(rounds[0], correction=CORRECTION)
    step = StepResult(
        STEP, Status.REFUSED if refused else Status.DONE, tuple(rounds), REFUSAL if refused else None, 1e21
    )
    result = RunResult("simulated", SEQUENCE, False, (step,), frozenset({CorrectionType.DEFOCUS}), (("here", 1e21),))
    told: list[events.Event] = [
        events.RunStarted(start_s, "simulated", SEQUENCE, False, settings=SETTINGS, found=frames()[0].state),
        events.SetUp(start_s + 1, "fine", "fa", -5e-7, "preset fa"),
        events.StepStarted(start_s + 2, STEP, 20e-6),
        events.DriftMeasured(start_s + 3, "fine", "here", 2e-10, 1e-11, 3e-10, True),
    ]
    for number, one in enumerate(results):
        told += measurement(number, one)
        if corrects and number == 0:
            told.append(events.Corrected(start_s + 21, "fine", CORRECTION, -1.49e-6))
    told += [
        events.StepEnded(start_s + 30, step),
        events.Restored(start_s + 31, frames()[1].state),
        events.RunEnded(start_s + 32, result),
    ]
    return Told(tuple(told), result)


def place_in(folder: Path, *, images: Images = Images.ALL, cap_bytes: int = 10**12) -> Place:
    """Records in a folder."""
    return Place.of(str(folder / "records.sqlite"), images=images, cap_bytes=cap_bytes)


def never(sentence: str) -> None:
    """For a recorder that must have nothing to say."""
    raise AssertionError(sentence)


def exported(place: Place, folder: Path) -> Path:
    """The run folder of the newest run, made in a new folder."""
    with Records.open(place) as records:
        export_run(records, records.runs(limit=1)[0].id, empty_folder(folder))
    return folder
