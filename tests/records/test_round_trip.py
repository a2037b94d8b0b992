"""What a run tells is in the records, all of it, and comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.correlation.shift import Rival
from eucentric.errors import InputError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import FocusMethod, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records.kept import Wanted
from eucentric.records.plain import exact, plain
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.records.unplain import made
from tests.records import made as example
from tests.records.made import never, place_in

STEPS = (
    FocusStep(
        name="fine", preset="fa", pattern=PatternName.CROSS, offset_m=-0.5e-6, tolerance_m=50e-9, check_drift=True
    ),
    FocusStep(name="by hand", preset="fa", focus_method=FocusMethod.MANUAL),
)
NODE = FocusSettings(sequence=FocusSequence(name="all of it", steps=STEPS), accuracy_limit_m=None, acquire_final=True)
TARGETS = (FocusTarget("left", image_shift_m=(0.0, -2e-7)), FocusTarget("right", image_shift_m=(0.0, 2e-7)))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[events.Event], RunResult, Records]:
    """A run on the simulated microscope: two targets, a drift check, a step by hand, final images."""
    microscope = open_microscope("simulated", seed=2, size=256, magnitudes={"specimen": {"height_m": 1.5e-6}})
    place = place_in(tmp_path_factory.mktemp("records"))
    seen: list[events.Event] = []
    with Recorder(place, say=never, instrument="simulated (seed 2)") as recorder:
        focus = Focus(microscope, book_from(handed_out(microscope)), NODE, observers=(recorder, seen.append))
        result = focus.run(TARGETS)
        assert recorder.run_id == 1
    return seen, result, Records.open(place)


def _without_maps(value: object) -> str:
    """As JSON, without the correlation maps, which the records leave out."""
    return json.dumps(exact(value)).replace(', "map": null', "")


def _of(kind: type[events.Event], told: list[events.Event]) -> list[events.Event]:
    return [event for event in told if isinstance(event, kind)]


def test_the_run_ends_as_it_ended(told: tuple[list[events.Event], RunResult, Records]) -> None:
    seen, result, records = told
    run, details = records.run(1), records.run_details(1)
    assert run.instrument == "simulated (seed 2)"
    assert (run.status, run.focused, run.statement) == ("focused", True, result.statement)
    assert run.stated_error_m == result.stated_error_m
    assert result.residual is not None
    assert run.residual_m == result.residual.c1_m
    assert run.residual_total_sigma_m == result.residual.total_sigma_m
    assert run.dose_e_per_m2 == result.dose_e_per_m2
    assert run.ended_at is not None
    assert run.ended_at >= run.begun_at
    assert details.settings == NODE
    assert details.targets == TARGETS
    (started,) = _of(events.RunStarted, seen)
    (restored,) = _of(events.Restored, seen)
    assert isinstance(started, events.RunStarted)
    assert isinstance(restored, events.Restored)
    assert details.found_as == started.found
    assert details.left_as == restored.left
    assert details.found_as is not None
    assert details.found_as.stigmator == (0.0, 0.0)


def test_steps_are_there_with_their_ends(told: tuple[list[events.Event], RunResult, Records]) -> None:
    _, result, records = told
    kept = records.steps(1)
    assert [(s.name, s.status) for s in kept] == [(s.step.name, s.status.value) for s in result.steps]
    assert [s.skipped for s in kept] == [s.skipped for s in result.steps]
    assert [s.corrected_m for s in kept] == [s.corrected_m for s in result.steps]


def test_each_measurement_comes_back_as_it_was(told: tuple[list[events.Event], RunResult, Records]) -> None:
    seen, _, records = told
    measured = _of(events.Measured, seen)
    assumed = _of(events.Assumed, seen)
    kept = records.measurements(Wanted(run=1))
    assert [one.number for one in kept] == list(range(len(measured)))
    for row, event, before in zip(kept, measured, assumed, strict=True):
        assert isinstance(event, events.Measured)
        assert isinstance(before, events.Assumed)
        details = records.measurement(row.id)
        assert details.result is not None
        assert _without_maps(details.result) == _without_maps(event.result)
        assert details.how == before.how
        assert details.calibration == before.calibration
        assert (row.c1_m, row.sigma_m) == (event.result.measurement.c1_m, event.result.measurement.sigma_m)
        assert row.drift_m_per_s == event.result.measurement.drift_m_per_s
        assert row.accepted is event.result.accepted
        assert row.target == event.target
        assert row.images == row.images_kept == 4


def test_the_images_come_back_as_they_were_taken(told: tuple[list[events.Event], RunResult, Records]) -> None:
    seen, _, records = told
    for row in records.measurements():
        taken = [e.frame for e in seen if isinstance(e, events.FrameTaken) and e.measurement == row.number]
        frames = records.frames(row.id)
        assert frames.why_not is None
        for back, frame in zip(frames.frames, taken, strict=True):
            assert np.array_equal(back.pixels, frame.pixels)
            assert back.state == frame.state
            told_of = (back.time_s, back.pixel_m, back.dose_e_per_m2, back.saturation, back.exposure_s)
            assert told_of == (frame.time_s, frame.pixel_m, frame.dose_e_per_m2, frame.saturation, frame.exposure_s)


def test_corrections_are_with_the_measurement_before_them(
    told: tuple[list[events.Event], RunResult, Records],
) -> None:
    seen, _, records = told
    at = -1
    moved = {}
    for event in seen:
        if isinstance(event, events.Measured):
            at = event.measurement
        if isinstance(event, events.Corrected):
            moved[at] = event
    assert moved
    for row in records.measurements():
        if row.number not in moved:
            assert row.moved is None
            continue
        assert row.moved is not None
        event = moved[row.number]
        assert row.moved.channel == event.correction.channel.value
        assert row.moved.change_c1_m == event.correction.change_c1_m
        assert row.moved.arrived_m == event.arrived_m
        assert row.moved.probe is event.correction.probe


def test_final_images_and_drift_are_kept(told: tuple[list[events.Event], RunResult, Records]) -> None:
    seen, _, records = told
    finals = [image for image in records.images(1) if image.name.startswith("others/final")]
    assert len(finals) == len(_of(events.FinalTaken, seen)) == len(TARGETS)
    assert all((path := records.image_file(image)) is not None and path.is_file() for image in finals)
    drifts = records.drifts()
    assert [d.speed_m_per_s for d in drifts] == [e.speed_m_per_s for e in seen if isinstance(e, events.DriftMeasured)]


def test_every_event_is_kept_in_its_order(told: tuple[list[events.Event], RunResult, Records]) -> None:
    seen, _, records = told
    assert [body["event"] for body in records.events(1)] == [type(event).__name__ for event in seen]


def test_the_whole_result_comes_back(told: tuple[list[events.Event], RunResult, Records]) -> None:
    _, result, records = told
    back = records.run_result(1)
    assert back is not None
    assert _without_maps(back) == _without_maps(result)
    assert back.statement == result.statement


def test_what_is_not_there_is_said(told: tuple[list[events.Event], RunResult, Records]) -> None:
    _, _, records = told
    for ask in (records.run, records.measurement, records.session, records.run_details):
        with pytest.raises(InputError, match=r"There is no .* 99 in .*records list"):
            ask(99)


def test_refused_measurements_have_their_findings(tmp_path: Path) -> None:
    with Recorder(place_in(tmp_path), say=never) as recorder:
        for event in example.run((True, False)).events:
            recorder(event)
    with Records.open(place_in(tmp_path)) as records:
        run = records.run(1)
        assert (run.status, run.reason, run.refused) == ("refused", "FALSE_LOCK", 1)
        (refused,) = records.measurements(Wanted(refused=True))
        assert refused.reason == "FALSE_LOCK"
        assert refused.sentence == str(example.REFUSAL)
        details = records.measurement(refused.id)
        assert details.result is not None
        assert details.result.verdict == example.result_of(accepted=False).verdict
        assert details.calibration == example.CALIBRATION
        assert details.calibration.sources[0].taken == example.TAKEN


def test_a_measurement_that_is_cut_off_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    told = example.run().events
    at = next(n for n, event in enumerate(told) if isinstance(event, events.ShiftFound))
    with Recorder(place_in(tmp_path), say=never) as recorder:
        failed = events.Failed(40.0, "The camera gave no image.", ("The lens stays.",), dose_e_per_m2=3e20)
        for event in (*told[:at], events.Restored(40.0, example.frames()[1].state), failed):
            recorder(event)
    with Records.open(place_in(tmp_path)) as records:
        run = records.run(1)
        assert records.run_details(1).left_as == example.frames()[1].state
        assert run.status == "failed"
        assert run.dose_e_per_m2 == 3e20
        assert run.statement == "The camera gave no image. The lens stays."
        (cut,) = records.measurements()
        assert cut.accepted is None
        assert cut.c1_m is None
        assert cut.lens_defocus_m == -0.5e-6
        assert cut.stigmator == (0.01, -0.02)
        assert len(records.frames(cut.id).frames) == 2
        assert records.measurement(cut.id).result is None
        assert records.run_result(1) is None


def test_a_probe_that_was_taken_back_says_so(tmp_path: Path) -> None:
    with Recorder(place_in(tmp_path), say=never) as recorder:
        for event in example.run().events:
            if isinstance(event, events.StepEnded):
                recorder(events.TakenBack(29.0, "fine", example.CORRECTION, -0.5e-6))
            recorder(event)
    with Records.open(place_in(tmp_path)) as records:
        first, last = records.measurements()
        # The probe was made after the first one; the second one is the last before it is taken back.
        assert first.moved is not None
        assert first.moved.taken_back is True
        assert last.moved is None


def test_numbers_that_are_not_finite_come_back_as_they_were() -> None:
    for odds in (float("inf"), 3.0):
        rival = Rival((1.0, 2.0), odds)
        assert made(Rival, json.loads(json.dumps(exact(rival), allow_nan=False))) == rival
    assert plain(Rival((1.0, 2.0), float("inf"))) == {"shift_px": [1.0, 2.0], "odds": None}
    assert np.isnan(made(Rival, exact(Rival((0.0, 0.0), float("nan")))).odds)


def test_a_calibration_is_kept_once(tmp_path: Path) -> None:
    with Recorder(place_in(tmp_path), say=never) as recorder:
        for event in (*example.run().events, *example.run().events):
            recorder(event)
    with Records.open(place_in(tmp_path)) as records:
        assert len(records.measurements()) == 4
        with records._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM calibrations").scalar() == 1


def test_where_nothing_was_found_there_are_no_numbers(tmp_path: Path) -> None:
    """The fit of no shift is no measurement; the result keeps it as it was."""
    refused = example.result_of(accepted=False)
    shift = replace(refused.shift, shift_px=(0.0, 0.0), covariance_px2=None, false_lock_probability=1.0)
    nothing = replace(refused, shifts=(shift,))
    assert nothing.nothing_found
    with Recorder(place_in(tmp_path), say=never) as recorder:
        recorder(example.run().events[0])
        for event in example.measurement(0, nothing):
            recorder(event)
    with Records.open(place_in(tmp_path)) as records:
        (row,) = records.measurements()
        assert (row.accepted, row.c1_m, row.total_sigma_m, row.a1_m, row.chi2) == (False, None, None, None, None)
        details = records.measurement(row.id)
        assert details.result is not None
        assert details.result.measurement.c1_m == nothing.measurement.c1_m
