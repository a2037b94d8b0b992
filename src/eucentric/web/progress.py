"""How far a run and a session are: what is done, what is under way, what is to come. Fed with events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from eucentric.focus import events as focus
from eucentric.focus.outcome import Status as StepStatus
from eucentric.focus.outcome import StepResult
from eucentric.focus.settings import FocusMethod, FocusStep
from eucentric.focus.words import dose_words, step_words
from eucentric.msi import events as msi
from eucentric.msi.application import Application
from eucentric.msi.known import Check
from eucentric.msi.left import TimeLeft
from eucentric.msi.outcome import Status
from eucentric.msi.words import check_words, exposure_words, length
from eucentric.units import minus

_SHOWN_UNITS = 400
_FOR_THE_OPERATOR, _FOR_THE_INSTRUMENT = "waits for the operator", "waits for the instrument"


class RunProgress:
    """The steps of a focus sequence. `clock` is the time of the person who waits, seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._took: dict[str, float] = {}  # by the step's name, in the last run that did it
        self._began_s = 0.0
        self._images: int | None = None
        self.steps: list[dict[str, Any]] = []
        self.doing = ""
        self.waits = ""  # for whom, as long as it does
        self.dose = 0.0
        self._of_steps = 0.0  # what the steps that ended say that they spent, drift checks included
        self.name = ""
        self.measure_only = False

    def see(self, event: Any) -> None:
        """One event of a focus node."""
        match event:
            case focus.RunStarted():
                on = [step for step in event.sequence.steps if step.switch]
                self.steps = [_to_come(step) for step in on]
                self.name, self.measure_only = event.sequence.name, event.measure_only
                self.dose, self._of_steps, self.doing, self.waits = 0.0, 0.0, "starting", ""
            case focus.StepStarted():
                self._step_began(event)
            case focus.FrameTaken():
                self._spend(event.frame.dose_e_per_m2)
                of = "" if self._images is None else f" of {self._images}"
                self.doing = f"{event.step}: image {event.index + 1}{of}"
            case focus.ByHand() if event.frame is not None:
                self._spend(event.frame.dose_e_per_m2)
            case focus.FinalTaken():
                self._spend(event.frame.dose_e_per_m2)
            case focus.Melted():
                self._spend(event.dose_e_per_m2)
            case focus.DriftMeasured() if not event.still:
                self.doing = f"{event.step}: waiting until the specimen is still"
            case focus.Measured():
                self._now(said=event.result.words)
            case focus.StepEnded():
                self._step_ended(event.result)
            case focus.RunEnded() | focus.Failed():
                self.doing = self.waits = ""
                for step in self.steps:
                    if step["state"] in {"to come", "now"}:
                        step["state"] = "not done"

    @property
    def left_s(self) -> float | None:
        """What the steps to come take; None where one was never seen, the present one takes longer than before, or it
        is done by hand.
        """
        coming = [step["name"] for step in self.steps if step["state"] in {"to come", "now"}]
        if self.waits or not coming or not all(name in self._took for name in coming):
            return None
        whole = sum(self._took[name] for name in coming)
        now = next((step["name"] for step in self.steps if step["state"] == "now"), None)
        spent = 0.0 if now is None else self._clock() - self._began_s
        if now is not None and spent >= self._took[now]:  # another look than the last time: nobody knows how many more
            return None
        return whole - spent

    def _spend(self, dose_e_per_m2: float | None) -> None:
        self.dose += dose_e_per_m2 or 0.0

    def _step_began(self, event: focus.StepStarted) -> None:
        self._began_s = self._clock()
        step = event.step
        beam = step.focus_method is FocusMethod.BEAM_TILT
        self._images = step.beam_tilts().images if beam else None
        self.waits = _waits_at(step)
        self.doing = f"{step.name}: {'by hand' if self.waits else 'measuring'}"
        for one in self.steps:
            if one["name"] == step.name and one["state"] == "to come":
                one.update(state="now", range=length(event.range_m) if event.range_m else None)
                return

    def _now(self, **values: Any) -> None:
        for one in self.steps:
            if one["state"] == "now":
                one.update(values)
                one["looks"] = one.get("looks", 0) + 1

    def _step_ended(self, result: StepResult) -> None:
        self.waits = ""
        self._of_steps += result.dose_e_per_m2
        self.dose = max(self.dose, self._of_steps)
        waiting = [one for one in self.steps if one["name"] == result.step.name and one["state"] in {"now", "to come"}]
        if not waiting:
            return
        one = waiting[0]
        if one["state"] == "now":
            self._took[result.step.name] = self._clock() - self._began_s
        said = one.get("said") if result.refusal is None else str(result.refusal)
        one.update(
            state=str(result.status),
            tone="good" if result.status in {StepStatus.DONE, StepStatus.MEASURED, StepStatus.BY_HAND} else "bad",
            said=result.skipped or said,
            corrected=length(result.corrected_m) if result.corrected_m else None,
            dose=dose_words(result.dose_e_per_m2),
        )
        if result.status is StepStatus.SKIPPED:
            one.update(tone="care", state="taken back" if result.disturbed else one["state"])

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "measure_only": self.measure_only,
            "steps": self.steps,
            "doing": self.doing,
            "dose": dose_words(self.dose),
            "left_s": self.left_s,
            "waits": self.waits,
        }


def _waits_at(step: FocusStep) -> str:
    """For whom a step waits; how long that takes nobody knows."""
    return _FOR_THE_OPERATOR if step.focus_method is FocusMethod.MANUAL else ""


def _to_come(step: FocusStep) -> dict[str, Any]:
    return {
        "name": step.name,
        "preset": step.preset,
        "method": str(step.focus_method),
        "corrects": str(step.correction_type),
        "what": step_words(step, step.delta_max_m or 0.0).partition(": ")[2].partition(", range")[0],
        "tolerance": length(step.tolerance_m),
        "state": "to come",
    }


class SessionProgress:
    """The units of a session."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = TimeLeft(clock)
        self._application: Application | None = None
        self._units: list[dict[str, Any]] = []
        self._at: dict[str, int] = {}
        self._spent: dict[str, float] = {}
        self._unit = ""
        self._at_unit = False  # what a focus node tells after a unit's end is of a run beside the session
        self._over = False
        self._waits = ""  # for whom, as long as it does
        self._ended_keys: set[str] = set()  # one that is focused anew ends twice

    def see(self, event: Any) -> None:
        """One event of a session, or of a focus node in it."""
        self._waiting(event)
        match event:
            case msi.SessionStarted():
                self._started(event)
            case msi.UnitBegan():
                self._left.begin()
                self._unit, self._at_unit = event.unit.key, True
                self._set(event.unit.key, state="now")
            case msi.NeedsChecked():
                self._set(event.unit.key, needs=[_check(c) for c in event.needs])
            case msi.PromisesChecked():
                self._set(event.unit.key, promises=[_check(c) for c in event.promises])
            case msi.Exposed():
                flagged = event.exposure.flagged
                self._set(event.unit.key, said=exposure_words(event.exposure), tone="care" if flagged else "good")
            case focus.FrameTaken() | focus.ByHand() if self._at_unit and event.frame is not None:
                self._spent[self._unit] = self._spent.get(self._unit, 0.0) + (event.frame.dose_e_per_m2 or 0.0)
            case focus.Measured() if self._at_unit:
                self._set(self._unit, said=event.result.words)
            case msi.UnitEnded():
                self._ended(event)
            case msi.SessionEnded():
                self._at_unit, self._over = False, True
                for unit in self._units:
                    if unit["state"] in {"to come", "now"}:
                        unit["state"] = "not done"

    def _waiting(self, event: Any) -> None:
        """Time left is not counted down meanwhile."""
        match event:
            case msi.InstrumentLost():
                self._waits = _FOR_THE_INSTRUMENT
            case focus.StepStarted() if self._at_unit:
                self._waits = _waits_at(event.step)
            case focus.StepEnded() | focus.Failed() | msi.InstrumentBack() | msi.UnitBegan() | msi.UnitEnded():
                self._waits = ""
            case msi.SessionStarted() | msi.SessionEnded():
                self._waits = ""

    def _started(self, event: msi.SessionStarted) -> None:
        self._application = event.application
        self._units = [
            {"key": u.key, "node": u.node, "state": "done before" if k < event.done else "to come"}
            for k, u in enumerate(event.units)
        ]
        self._at = {unit.key: k for k, unit in enumerate(event.units)}
        self._left.expect(event.units[event.done :], event.expected_s)
        self._spent, self._unit = dict(event.spent), ""
        self._ended_keys = {unit.key for unit in event.units[: event.done]}
        for key, dose in event.spent.items():
            self._set(key, dose=dose_words(dose))
        self._at_unit = self._over = False

    def _ended(self, event: msi.UnitEnded) -> None:
        out = event.outcome
        self._left.end(out.node)
        self._at_unit = False
        self._spent[out.key] = out.focus_dose_e_per_m2
        self._ended_keys.add(out.key)
        tone = "good" if out.status is Status.DONE else "bad"
        if out.status in {Status.SKIPPED, Status.INTERRUPTED} or any(e.flagged for e in out.exposures):
            tone = "care"
        self._set(out.key, state=str(out.status), tone=tone, dose=dose_words(out.focus_dose_e_per_m2))
        if out.why:
            self._set(out.key, said=out.why)
        if out.found is not None:
            left = minus(f"left {out.found.c1_m * 1e9:+.0f} nm")
            self._set(out.key, said=f"{left}, within {length(out.found.stated_m)} (3 σ)")

    def _set(self, key: str, **values: Any) -> None:
        if key in self._at:
            self._units[self._at[key]].update(values)

    def plain(self) -> dict[str, Any] | None:
        """As JSON has it; None: there was no session. Of a long one what is around the present unit."""
        if self._application is None:
            return None
        counts, left = Counter(unit["node"] for unit in self._units), None if self._waits else self._left.left()
        first = max(0, min(self._at.get(self._unit, 0) - _SHOWN_UNITS // 2, len(self._units) - _SHOWN_UNITS))
        return {
            "name": self._application.name,
            "nodes": [{"name": node, "targets": count} for node, count in counts.items()],
            "units": self._units[first : first + _SHOWN_UNITS],
            "before": first,
            "after": max(len(self._units) - first - _SHOWN_UNITS, 0),
            "total": len(self._units),
            "done": len(self._ended_keys),
            "over": self._over,
            "unit": self._unit,
            "left_s": None if left is None else left.seconds,
            "left_rough": left is not None and left.rough,
            "waits": self._waits,
            "dose": dose_words(sum(self._spent.values())),
        }


def _check(check: Check) -> dict[str, Any]:
    return {"text": check_words(check), "met": check.met, "remedy": "" if check.met else check.remedy}
