"""A stored measurement made again: the same with the same settings, another with others, and the records unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.focus import events
from eucentric.focus.focus import Focus
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.records.place import Images
from eucentric.records.reading import Records
from eucentric.records.recorder import Recorder
from eucentric.records.remeasure import Changes, remeasured
from tests.records.made import never, place_in, run

NODE = FocusSettings(
    sequence=FocusSequence(
        steps=(FocusStep(name="fine", preset="fa", offset_m=-0.5e-6, looks_min=1, correction_type=CorrectionType.NONE),)
    ),
)
ALPHA_RAD = 0.2
TARGET = (FocusTarget("beside", image_shift_m=(3e-7, 3e-7)),)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """Two runs: at the centre, and beside it on a tilted stage, where the answer is told for the centre."""
    place = place_in(tmp_path_factory.mktemp("records"))
    scope = open_microscope("simulated", seed=2, size=256, perfect=True, magnitudes={"specimen": {"height_m": 3e-7}})
    with Recorder(place, say=never) as recorder:
        focus = Focus(scope, book_from(handed_out(scope)), NODE, observers=(recorder,))
        focus.run()
        scope.move_stage(alpha_rad=ALPHA_RAD)
        focus.run(TARGET)
    with Records.open(place) as kept:
        yield kept


def test_with_the_same_settings_it_gives_the_same(records: Records) -> None:
    rows = records.measurements()
    assert len({row.run_id for row in rows}) == 2
    for row in rows:
        before, now = records.measurement(row.id).result, remeasured(records, row.id)
        assert before is not None
        assert now.measurement.c1_m == pytest.approx(before.measurement.c1_m, abs=1e-15)
        assert now.measurement.total_sigma_m == pytest.approx(before.measurement.total_sigma_m, rel=1e-9)
        assert [s.shift_px for s in now.shifts] == [pytest.approx(s.shift_px, abs=1e-9) for s in before.shifts]
        assert now.verdict == before.verdict
        assert now.height_m == before.height_m
    tilted = [records.measurement(row.id).result for row in rows if row.run_id == 2]
    assert all(one is not None and one.height_m != 0 for one in tilted)


def test_it_comes_with_a_map_to_look_at(records: Records) -> None:
    assert remeasured(records, 1).shift.map is not None


def test_with_another_correlation_type_it_is_another(records: Records) -> None:
    now = remeasured(records, 1, Changes(method=Method.PHASE))
    assert now.shift.method is Method.PHASE
    assert not now.states_sigma
    before = records.measurement(1).result
    assert before is not None
    # Half a pixel of 0.3 nm at 10 mrad separation is 15 nm: what a peak of a plain correlator is read to, twice over.
    assert now.defocus_m == pytest.approx(before.defocus_m, abs=4 * 15e-9)
    assert before.shift.method is Method.MATCHED


def test_larger_tilts_mean_less_defocus(records: Records) -> None:
    """Without Cs the shift is 2·C1·β, C1 as it was when the images were taken: 2 % more tilt, 2 % less of it."""
    before = remeasured(records, 1, Changes(c3_m=0.0))
    now = remeasured(records, 1, Changes(c3_m=0.0, tilt_scale=1.02))
    assert (now.defocus_m + now.offset_m) * 1.02 == pytest.approx(before.defocus_m + before.offset_m, rel=1e-3)


def test_stricter_thresholds_refuse_and_looser_ones_do_not(records: Records) -> None:
    assert remeasured(records, 1).accepted
    strict = remeasured(records, 1, Changes(thresholds={"overlap_min": 0.999}))
    assert not strict.accepted
    assert strict.defocus_m == remeasured(records, 1).defocus_m
    with pytest.raises(InputError, match="overlap_min can't be 3"):
        remeasured(records, 1, Changes(thresholds={"overlap_min": 3.0}))


def test_as_another_step_would(records: Records) -> None:
    step = FocusStep(name="fine", preset="fa", correlation_type=Method.CROSS, delta_max_m=1e-9)
    now = remeasured(records, 1, Changes.of(step))
    assert now.shift.method is Method.CROSS
    assert "beyond the range" in str(now.verdict)


def test_the_records_stay_as_they_are(records: Records) -> None:
    file = records.place.file
    assert file is not None
    before = file.read_bytes(), records.measurement(1).row
    remeasured(records, 1, Changes(method=Method.PHASE))
    assert (file.read_bytes(), records.measurement(1).row) == before


def test_what_can_not_be_made_again_is_said(tmp_path: Path) -> None:
    place = place_in(tmp_path, images=Images.NONE)
    with Recorder(place, say=never) as recorder:
        for event in run((True,)).events:
            recorder(event)
        for event in run().events[:7]:
            recorder(event)
        recorder(events.Failed(9.0, "Stopped."))
    with Records.open(place) as kept:
        with pytest.raises(InputError, match=r"are not there\. No images were to be kept"):
            remeasured(kept, 1)
        with pytest.raises(InputError, match="cut off before it was measured"):
            remeasured(kept, 2)
        with pytest.raises(InputError, match="There is no measurement 9"):
            remeasured(kept, 9)
