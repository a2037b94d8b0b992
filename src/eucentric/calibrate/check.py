"""The pre-flight: is the instrument what its calibrations say, and fit to focus with? Everything moved is put back.

First the controls and the shutter, because nothing can be told without them; then, near focus, the tilt calibration at
three known defoci; then each alignment anew, beside what is believed of it; last the drift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from eucentric.calibrate.as_found import first_look_lines, with_axis, with_tilts
from eucentric.calibrate.camera_lines import dose_line, illumination_line, pattern_line, shutter_line
from eucentric.calibrate.causes import with_causes
from eucentric.calibrate.control_lines import control_line
from eucentric.calibrate.drift_line import drift_line
from eucentric.calibrate.focus_here import c1_here
from eucentric.calibrate.judged import KEYS, judged
from eucentric.calibrate.known_defoci import Tried, try_known_defoci
from eucentric.calibrate.near import come_near
from eucentric.calibrate.outcome import Progress, silent
from eucentric.calibrate.pivot_line import light_line
from eucentric.calibrate.plan import Presets, Task
from eucentric.calibrate.procedures import Bench, run
from eucentric.calibrate.report import DefocusPoint, Line, Report, worst
from eucentric.calibrate.runout import KEY as RUNOUT
from eucentric.calibrate.runout import measure_runout, not_done, runout_line, why_not
from eucentric.calibrate.shots import Shots
from eucentric.calibrate.tilt_lines import tilt_lines
from eucentric.calibration.book import CalibrationBook
from eucentric.calibration.quantities import AnyQuantity, ComaFreeAxis
from eucentric.calibration.record import Level, optics_of
from eucentric.errors import Aborted, EucentricError, InstrumentError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.units import minus

ALIGNMENTS = (*KEYS, RUNOUT)
"""Kinds that are measured anew and compared; the pivot first, because without light nothing else is told. Last what
compares stage tilts with beam tilts."""

Stored = Callable[[str, str], AnyQuantity | None]
"""(kind, preset) → what its calibration said, None where there is none."""


def _nothing_stored(_kind: str, _preset: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What is looked at. `tilt_rad` is each image's; after each tilt `settle_s` until the beam is surely there."""

    presets: Presets = field(default_factory=Presets)
    tilt_rad: float = 5e-3
    settle_s: float = 1.0
    alignments: tuple[str, ...] = ALIGNMENTS


def preflight(
    microscope: Microscope,
    book: CalibrationBook,
    plan: CheckPlan | None = None,
    *,
    stored: Stored = _nothing_stored,
    progress: Progress = silent,
) -> Report:
    """Look at everything, and tell. A line that could not be measured says so in red; the others go on.

    What could not be put back is a red line too. Raises CalibrationError when the focus preset has no tilt response,
    Aborted when the operator ends it.
    """
    scope = microscope if isinstance(microscope, Guarded) else Guarded(microscope)
    check = _Check(scope, book, plan or CheckPlan(), stored, progress)
    return check.whole()


class _Check:
    """One pre-flight: its lines so far."""

    def __init__(
        self, scope: Guarded, book: CalibrationBook, plan: CheckPlan, stored: Stored, progress: Progress
    ) -> None:
        self._scope, self._book, self._plan = scope, book, plan
        self._found = book  # as believed, with what was found wrong put right
        self._stored, self._progress = stored, progress
        self._lines: list[Line] = []
        self._points: tuple[DefocusPoint, ...] = ()
        self._dose = 0.0

    def whole(self) -> Report:
        """All lines, in order."""
        scope, preset = self._scope, self._plan.presets.focus
        calibration = self._book.of(preset)
        begin = scope.now_s()
        try:
            with scope.preserved():
                self._looked(Shots(scope, calibration, settle_s=self._plan.settle_s))
        except InstrumentError as error:
            self._lines.append(Line("not arrived", Level.RED, "not restored", str(error)))
        return Report(scope.name, preset, with_causes(self._lines), self._points, self._dose, scope.now_s() - begin)

    def _looked(self, shots: Shots) -> None:
        """Controls and shutter first: without them nothing can be told."""
        self._progress("controls", 0.0)
        self._line("not arrived", lambda: control_line(self._scope, self._plan.presets.focus))
        if worst(*(line.level for line in self._lines)) is not Level.RED:
            self._scope.set_preset(self._plan.presets.focus)
            self._line("shutter", lambda: shutter_line(shots.take().frame))
        if worst(*(line.level for line in self._lines)) is not Level.RED:
            self._optics(shots)
        self._dose += shots.dose_per_m2

    def _optics(self, shots: Shots) -> None:
        """Near focus: camera, tilts, alignments, drift."""
        if not self._near():
            return
        self._scope.set_preset(self._plan.presets.focus)
        self._progress("beam and camera", 0.1)
        shots.melt()
        self._camera(shots)
        self._progress("three known defoci", 0.15)
        self._tilts(shots)
        count = len(self._plan.alignments)
        for number, kind in enumerate(self._plan.alignments):
            self._progress(kind, 0.25 + 0.65 * number / count)
            look = self._runout if kind == RUNOUT else lambda kind=kind: self._alignment(kind)  # type: ignore[misc]
            self._line(KEYS.get(kind, kind), look)
        self._progress("drift", 0.92)
        self._line("drift", lambda: drift_line(shots, self._plan.tilt_rad))
        self._line("dose", lambda: dose_line(shots.take().frame))

    def _near(self) -> bool:
        self._progress("coming near to focus", 0.03)

        def near() -> Line:
            come_near(self._scope, self._book, self._plan.presets)
            z = self._scope.stage().z_m
            return Line(
                "height", Level.GREEN, minus(f"stage Z {z * 1e6:.1f} µm"), "The specimen was brought to focus.", z
            )

        if self._line("height", near):
            return True
        hole = self._plan.presets.hole
        try:
            self._lines += first_look_lines(self._scope, hole, self._book.of(hole))
        except Aborted:
            raise
        except EucentricError:
            pass  # that focus was not reached is told already
        return False

    def _camera(self, shots: Shots) -> None:
        tilt = self._plan.tilt_rad
        y, x = shots.calibration.coma_free_rad
        try:
            frames = tuple(
                shots.take((y + dy * tilt, x + dx * tilt), -1.5e-6).frame
                for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0))
            )
        except Aborted:
            raise
        except EucentricError as error:
            self._lines.append(_not_measured("illumination", error))
            return
        self._line("illumination", lambda: illumination_line(frames))
        self._line("fixed pattern", lambda: pattern_line(frames[0], frames[1]))

    def _tilts(self, shots: Shots) -> None:
        try:
            tried = self._tried(shots)
        except Aborted:
            raise
        except EucentricError as error:
            self._lines.append(_not_measured("ratio", error))
            return
        self._points = tried.points
        self._found = with_tilts(self._found, self._plan.presets.focus, tried)
        self._lines += tilt_lines(tried, self._plan.presets.focus)

    def _tried(self, shots: Shots) -> Tried:
        fast = Shots(shots.microscope, shots.calibration)
        focus = shots.microscope.defocus_m() - c1_here(shots)
        tried = try_known_defoci(shots, fast, focus, tilt_rad=self._plan.tilt_rad)
        self._dose += fast.dose_per_m2
        return tried

    def _alignment(self, kind: str) -> Line:
        presets = self._plan.presets
        preset = presets.hole if kind == "parfocality" else presets.focus
        reference = presets.focus if kind == "parfocality" else None
        states = {p.name: optics_of(self._scope, p.name) for p in self._scope.presets()}
        task = Task(kind, preset, reference=reference)
        with self._scope.preserved():
            self._scope.set_preset(preset)
            self._scope.set_defocus(0.0)
            outcome = run(task, Bench(self._scope, self._found, presets, states, silent))
        self._dose += outcome.dose_per_m2
        if outcome.quantity is None and kind == "pivot point":
            return self._light()
        if outcome.quantity is None:
            return Line(KEYS[kind], Level.RED, "not measured", outcome.sentence)
        if isinstance(outcome.quantity, ComaFreeAxis):
            self._found = with_axis(self._found, outcome.quantity.tilt_rad)
        return judged(outcome.quantity, self._book.of(preset), self._stored(kind, preset), preset)

    def _runout(self) -> Line:
        presets = self._plan.presets
        why = why_not(self._scope, self._found, presets)
        if why is not None:
            return not_done(why)
        with self._scope.preserved():
            found = measure_runout(self._scope, self._found, presets)
        self._dose += found.dose_per_m2
        return runout_line(found, presets)

    def _light(self) -> Line:
        with self._scope.preserved():
            shots = Shots(self._scope, self._found.of(self._plan.presets.focus))
            line = light_line(shots)
        self._dose += shots.dose_per_m2
        return line

    def _line(self, key: str, look: Callable[[], Line]) -> bool:
        """Add a line; whether it could be measured."""
        try:
            self._lines.append(look())
        except Aborted:
            raise
        except EucentricError as error:
            self._lines.append(_not_measured(key, error))
            return False
        return True


def _not_measured(key: str, error: EucentricError) -> Line:
    return Line(key, Level.RED, "not measured", str(error))
