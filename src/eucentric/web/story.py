"""What happened, line by line, in the words of the terminal: event in, line out. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from eucentric.focus import events as focus
from eucentric.focus.outcome import RunResult
from eucentric.focus.outcome import Status as StepStatus
from eucentric.focus.words import (
    by_hand_words,
    correction_words,
    dose_words,
    drift_words,
    measured_words,
    step_words,
    stigmated_words,
    verdict_words,
)
from eucentric.msi import events as msi
from eucentric.msi.outcome import Status
from eucentric.msi.words import checks_words, duration, exposure_words, promised, statement
from eucentric.units import minus, show_length

GOOD, BAD, CARE, MOVE, HEAD = "good", "bad", "care", "move", "head"
"""Tones of a line: well, refused, with care, something was moved, a new chapter."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is about, what is said, in which tone."""

    what: str
    text: str
    tone: str = ""


def tone_of(result: RunResult) -> str:
    """The tone in which the end of a run is told: none where the operator has the last word."""
    if result.ends_by_hand:
        return ""
    return GOOD if result.focused or (result.measure_only and result.refusal is None) else BAD


def line(event: Any) -> Line | None:
    """The line of an event; None for one that is not worth a line."""
    return _measuring(event) or _moving(event) or _around(event) or _session(event) or _instrument(event)


def _measuring(event: Any) -> Line | None:
    told = None
    match event:
        case focus.RunStarted():
            told = Line("run", f"{event.sequence.name} on {event.instrument}", HEAD)
        case focus.StepStarted():
            told = Line("step", step_words(event.step, event.range_m).removeprefix("Step "), HEAD)
        case focus.Measured():
            told = Line("measured", f"{_at(event.target)}{measured_words(event.result)}")
        case focus.Judged():
            told = Line("verdict", verdict_words(event.verdict), GOOD if event.verdict.accepted else BAD)
        case focus.Averaged():
            told = Line("average", f"of {', '.join(event.targets)}: {event.measurement}")
        case focus.LeftOut():
            told = Line("left out", f"target {event.target}: {event.finding}", BAD)
        case focus.DriftMeasured():
            told = Line("drift", f"{_at(event.target)}{drift_words(event)}")
    return told


def _moving(event: Any) -> Line | None:
    told = None
    match event:
        case focus.Corrected():
            told = Line("corrected", correction_words(event.correction), MOVE)
        case focus.TakenBack():
            told = Line("taken back", "the probe" if event.correction.probe else "the correction", MOVE)
        case focus.Stigmated():
            told = Line("stigmated", stigmated_words(event), MOVE)
        case focus.DefocusReset():
            told = Line("reset", f"lens defocus {show_length(event.defocus_m)} is now defocus zero", MOVE)
        case focus.ByHand() if event.channel is not None:
            told = Line("by hand", by_hand_words(event), MOVE)
    return told


def _around(event: Any) -> Line | None:
    told = None
    match event:
        case focus.SetUp() if event.what != f"preset {event.preset}":
            told = Line("set up", event.what)
        case focus.Melted():
            told = Line("melted", f"{_at(event.target)}at {event.preset}, {dose_words(event.dose_e_per_m2)}")
        case focus.StepEnded() if event.result.skipped is not None:
            told = Line("taken back" if event.result.disturbed else "skipped", event.result.skipped, CARE)
        case focus.StepEnded() if event.result.status is StepStatus.NOT_CONVERGED:
            told = Line("step", "did not converge: out of iterations", BAD)
        case focus.FinalTaken():
            told = Line("kept", f"{_at(event.target)}the final image")
        case focus.Paused():
            told = Line("resumed" if event.over else "paused", "", CARE)
        case focus.ObserverFailed():
            told = Line("trouble", f"{event.error} The run goes on without it.", CARE)
        case focus.Failed():
            told = Line("broke off", " ".join((event.error, *event.not_restored)), BAD)
        case focus.RunEnded():
            told = Line("ended", event.result.statement, tone_of(event.result))
    return told


def _session(event: Any) -> Line | None:
    told = None
    match event:
        case msi.SessionStarted():
            goes_on = f", {event.done} of them done" if event.done else ""
            said = f"{event.application.name} on {event.instrument}: {len(event.units)} targets{goes_on}"
            told = Line("session", said, HEAD)
        case msi.UnitBegan():
            told = Line("target", event.unit.key, HEAD)
        case msi.NeedsChecked() if event.needs:
            met = all(check.met for check in event.needs)
            told = Line("needs", checks_words(event.needs), "" if met else BAD)
        case msi.PromisesChecked() if event.promises:
            kept = all(check.met for check in event.promises)
            told = Line("promises", checks_words(promised(event.promises)), GOOD if kept else BAD)
        case msi.Exposed():
            tilt = minus(f"{math.degrees(event.exposure.alpha_rad):+.1f}°: ") if event.exposure.alpha_rad else ""
            told = Line("image", f"{tilt}{exposure_words(event.exposure)}", CARE if event.exposure.flagged else "")
        case msi.UnitEnded():
            told = _ended(event)
    return told


def _ended(event: msi.UnitEnded) -> Line:
    out = event.outcome
    spent = duration(out.ended_s - out.begun_s)
    dose = f"{dose_words(out.focus_dose_e_per_m2)} for focusing, " if out.focus_dose_e_per_m2 else ""
    if out.status is Status.DONE:
        return Line("done", f"{out.key}: {dose}{spent}", GOOD)
    care = out.status in {Status.SKIPPED, Status.INTERRUPTED}
    return Line(str(out.status), f"{out.key}: {out.why} ({dose}{spent})", CARE if care else BAD)


def _instrument(event: Any) -> Line | None:
    told = None
    match event:
        case msi.PutRight():
            told = Line("put right", event.said, CARE)
        case msi.FocusedAnew():
            told = Line("anew", f"focused once more before the next image: {', '.join(event.keys)}", CARE)
        case msi.BegunAnew():
            told = Line("anew", f"{event.unit.key} is begun anew: {event.error}", CARE)
        case msi.InstrumentLost():
            told = Line("lost", f"the instrument is lost: {event.error}", BAD)
        case msi.InstrumentBack():
            told = Line("back", f"it answers again: {event.unit.key} is begun anew", GOOD)
        case msi.SessionEnded():
            told = Line("ended", statement(event.result), GOOD if event.result.complete else BAD)
    return told


def _at(target: str) -> str:
    return "" if target == "here" else f"{target}: "
