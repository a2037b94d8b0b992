"""Calibrating a whole instrument: from nothing known and anywhere, resumable, and honest about what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eucentric.calibrate import all as whole
from eucentric.calibrate.all import Calibrator, Did, Moment, Setup, State
from eucentric.calibrate.outcome import Level, Outcome
from eucentric.calibrate.plan import Task
from eucentric.calibrate.procedures import Bench
from eucentric.calibration.believed import book_from_store
from eucentric.calibration.handed_over import columns_of
from eucentric.calibration.quantities import RotationCentre, TiltResponse
from eucentric.calibration.record import optics_of
from eucentric.calibration.store import CalibrationStore
from eucentric.errors import Aborted, CalibrationError, NotMeasuredError
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import constants

from ..calibration.kept import record, response

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAR_M = 150e-6
TILT = frozenset({"tilt response"})
SIGMAS = 4.0  # of a stated error: 1 in 16000


def instrument(height_m: float = FAR_M) -> Microscope:
    """All faults but those of the specimen, small images."""
    specimen = {"height_m": height_m, "contamination": 0.0}
    return open_microscope("simulated", seed=1, size=384, magnitudes={"specimen": specimen})


def setup_of(scope: Microscope, folder: Path, tell: Callable[[Moment | Did], None] | None = None) -> Setup:
    made = Setup(scope, CalibrationStore(folder), columns_of(handed_out(scope)), "scope", now=lambda: NOON)
    return made if tell is None else replace(made, tell=tell)


class _Stopped(KeyboardInterrupt):
    """An operator's Ctrl-C."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store filled from nothing by a run that was stopped after its first calibration, and by one that went on."""
    folder = tmp_path_factory.mktemp("store")
    scope = instrument()
    begin = (scope.preset(), scope.beam_tilt_rad(), scope.focus_m(), scope.stigmator(), scope.stage())

    def stop_at_second(moment: Moment | Did) -> None:
        if isinstance(moment, Moment) and moment.number == 2:
            raise _Stopped

    with pytest.raises(_Stopped):
        Calibrator(setup_of(scope, folder, stop_at_second)).all(only=TILT)
    assert (scope.preset(), scope.beam_tilt_rad(), scope.focus_m(), scope.stigmator(), scope.stage()) == begin
    kinds = [(r.kind, r.optics.preset, r.rough) for r in CalibrationStore(folder).records()]
    assert sorted(kinds) == [("tilt response", "fa", False), ("tilt response", "hl", True)]
    did = Calibrator(setup_of(scope, folder)).all(only=TILT)
    assert [(d.task.preset, d.state) for d in did] == [("fa", State.KNOWN), ("hl", State.DONE)]
    return folder


def test_from_anywhere_to_what_is_true(kept: Path) -> None:
    """The specimen begins 150 µm off, six views of the focus preset; the response is that of the instrument."""
    true = constants(instrument())
    for preset in ("fa", "hl"):
        found = CalibrationStore(kept).need("tilt response", "scope", optics_of(instrument(), preset)).quantity
        assert isinstance(found, TiltResponse)
        ratio = np.array(found.matrix_px_per_rad_m) @ np.linalg.inv(true.tilt_response_px_per_rad_m[preset])
        scale, turn = (ratio[0, 0] + ratio[1, 1]) / 2, (ratio[0, 1] - ratio[1, 0]) / 2
        assert abs(scale - 1) < SIGMAS * found.scale_sigma
        assert abs(turn) < SIGMAS * found.rotation_sigma_rad
        assert found.scale_sigma < 0.02  # small images; the bar of 0.5 % is for 1k


def test_what_is_known_is_not_measured_again(kept: Path) -> None:
    scope = instrument()
    before = scope.now_s()
    did = Calibrator(setup_of(scope, kept)).all(only=TILT)
    assert [d.state for d in did] == [State.KNOWN] * 2
    assert scope.now_s() == before


def test_what_is_old_is(kept: Path) -> None:
    later = replace(setup_of(instrument(), kept), now=lambda: NOON + timedelta(days=100))
    calibrator = Calibrator(later)
    task = Task("tilt response", "fa")
    assert Calibrator(setup_of(instrument(), kept)).known(task) is not None
    assert calibrator.known(task) is None


def test_focusing_believes_what_was_kept(kept: Path) -> None:
    scope = instrument()
    states = [optics_of(scope, p.name) for p in scope.presets()]
    book = book_from_store(CalibrationStore(kept), "scope", states, columns_of(handed_out(scope)))
    assert set(book.presets) >= {"fa", "hl"}
    assert book.of("fa").column == columns_of(handed_out(scope))["fa"]
    with pytest.raises(CalibrationError, match="calibrate tilt --preset sq"):
        book.of("sq")


def test_one_names_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="Measure it: eucentric calibrate tilt --preset fa"):
        Calibrator(setup_of(instrument(), tmp_path)).one("coma-free axis", "fa")


def filled(scope: Microscope, folder: Path) -> Calibrator:
    """As if the tilt responses had been measured."""
    store = CalibrationStore(folder)
    for preset in ("fa", "hl"):
        optics = optics_of(scope, preset)
        store.keep(record(response(optics), optics))
    return Calibrator(setup_of(scope, folder))


def test_a_failure_stops_only_what_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The axis can't be measured: the stigmators, which need it, are blocked; the rotation centre is not."""
    centre = RotationCentre(tilt_rad=(0.0, 0.0), tilt_sigma_rad=1e-5)

    def measured(task: Task, _bench: Bench) -> Outcome:
        if task.kind == "coma-free axis":
            raise NotMeasuredError("Nothing to see.")
        return Outcome(centre, Level.GREEN, "Good.", (), 1e20, 10.0)

    monkeypatch.setattr(whole, "run", measured)
    monkeypatch.setattr(whole, "come_near", lambda *_: None)
    only = {"coma-free axis", "stigmator response", "rotation centre"}
    did = {d.task.kind: d for d in filled(instrument(), tmp_path).all(only=only)}
    assert {kind: d.state for kind, d in did.items()} == {
        "coma-free axis": State.FAILED,
        "stigmator response": State.BLOCKED,
        "rotation centre": State.DONE,
    }
    assert did["coma-free axis"].why == "Nothing to see."
    assert "coma-free axis (fa)" in did["stigmator response"].why
    assert CalibrationStore(tmp_path).newest("rotation centre", "scope", optics_of(instrument(), "fa")) is not None


def test_an_operator_ends_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_task: Task, _bench: Bench) -> Outcome:
        raise Aborted("The operator ended it.")

    monkeypatch.setattr(whole, "run", stopped)
    monkeypatch.setattr(whole, "come_near", lambda *_: None)
    told: list[Moment | Did] = []
    scope = instrument()
    filled(scope, tmp_path)
    with pytest.raises(Aborted):
        Calibrator(setup_of(scope, tmp_path, told.append)).all(only={"coma-free axis", "rotation centre"})
    assert not [moment for moment in told if isinstance(moment, Did)]


def test_where_focus_is_not_found_it_is_not_tried_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Any] = []

    def lost(*_: Any) -> None:
        tries.append(1)
        raise NotMeasuredError("Focus was not reached.")

    monkeypatch.setattr(whole, "come_near", lost)
    only = {"coma-free axis", "rotation centre", "pivot point", "tilt settling"}
    did = filled(instrument(), tmp_path).all(only=only)
    assert all((d.state, d.why) == (State.FAILED, "Focus was not reached.") for d in did)
    assert len(tries) == 2


def test_progress_goes_from_none_to_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(_task: Task, bench: Bench) -> Outcome:
        for fraction in (0.0, 0.5, 1.0):
            bench.progress("at it", fraction)
        return Outcome(RotationCentre(tilt_rad=(0.0, 0.0), tilt_sigma_rad=1e-5), Level.GREEN, "Good.", (), 0.0, 1.0)

    monkeypatch.setattr(whole, "run", measured)
    monkeypatch.setattr(whole, "come_near", lambda *_: None)
    told: list[float] = []
    scope = instrument()
    filled(scope, tmp_path)
    tell = lambda moment: told.append(moment.fraction) if isinstance(moment, Moment) else None  # noqa: E731
    Calibrator(setup_of(scope, tmp_path, tell)).all(only={"rotation centre", "pivot point"})
    assert told[0] == 0.0
    assert told[-1] == pytest.approx(1.0)
    assert sorted(told) == told
