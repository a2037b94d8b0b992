"""What a node needs before it works, what it promises, and what it kept: with numbers. Pure.

A focus node needs that its first step can measure what is wrong: height where it corrects by Stage Z (eucentric focus
is set first), else defocus. Where it corrects by defocus alone it needs the grid almost at eucentric height as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from eucentric.calibration.book import CalibrationBook
from eucentric.errors import SettingsError
from eucentric.focus.forecast import By, Leaves, Paper, Reach, leaves_of, measuring, reach_of
from eucentric.focus.outcome import COVERAGE
from eucentric.focus.predict import OVERLAP_FOR_RANGE
from eucentric.focus.settings import CorrectionType, FocusMethod, FocusSettings, FocusStep, ResetDefocus
from eucentric.microscope.protocol import Microscope, Preset
from eucentric.msi.application import Kind, NodeSettings
from eucentric.msi.beliefs import eucentric_focus
from eucentric.msi.known import Check, Known
from eucentric.msi.outcome import FocusFound
from eucentric.units import show_angle, show_bound

BEAM_SHIFT_PER_M = 5e-3
"""How far an objective lens moves the lit area per metre that it is away from eucentric focus: 0.5 µm per 100 µm."""
BEAM_SHIFT_MAX_M = 0.1e-6
"""What the light of an exposure, of a micrometre across, may be off."""
EUCENTRIC_WITHIN_M = BEAM_SHIFT_MAX_M / BEAM_SHIFT_PER_M
"""±20 µm: so near to eucentric height defocus alone corrects without a significant beam shift. What else changes with
the lens (calibration/elsewhere.py) is less than calibrations leave there: tilts by 0.2 %, 0.2° and 0.06 mrad."""


@dataclass(frozen=True, slots=True)
class StepNeed:
    """What one step of a node needs, and what is known after it."""

    step: FocusStep
    need: Check
    after: Known
    leaves: Leaves


def needs_of(node: NodeSettings, known: Known, scope: Microscope, book: CalibrationBook) -> tuple[Check, ...]:
    """What the node needs, held against what is known at its target.

    Raises SettingsError for a preset that the instrument has not, CalibrationError for one that is not calibrated.
    """
    checks: list[Check] = []
    wanted = node.needs
    if node.kind is not Kind.ACQUIRE:
        checks.append(next(walk(node, known, scope, book)).need)
    if node.kind is Kind.TILT_SERIES and wanted.height_within_m is None:
        checks.append(_tracked(node, known, _preset(scope, node.preset)))
    if wanted.height_within_m is not None or (node.kind is Kind.FOCUS and corrects_by_defocus_alone(node)):
        limit = wanted.height_within_m or EUCENTRIC_WITHIN_M
        checks.append(_check("height", limit, known.height_within_m, _HEIGHT_REMEDY))
    if wanted.defocus_within_m is not None:
        checks.append(_check("defocus", wanted.defocus_within_m, known.defocus_within_m, _FOCUS_REMEDY))
    if node.kind is Kind.ACQUIRE and node.within_m is not None:
        within = _check("defocus", node.within_m, known.defocus_within_m, NEARER_REMEDY)
        checks.append(replace(within, soft=True))
    return tuple(checks)


def forecast(node: NodeSettings, known: Known, scope: Microscope, book: CalibrationBook) -> Known:
    """What is known at the target after the node's success: no better than the accuracy that its sequence states."""
    if node.kind is not Kind.FOCUS:
        return known
    after = known
    for one in walk(node, known, scope, book):
        after = one.after
    stated = _promised_m(node, book)
    height = stated.get("height", 0.0) if _states_height(node) else 0.0
    accuracy = node.focus.sequence.accuracy_m if stated and node.focus is not None else 0.0
    return Known(max(after.height_within_m, height), max(after.defocus_within_m, accuracy))


def promises_of(node: NodeSettings, known: Known, scope: Microscope, book: CalibrationBook) -> tuple[Check, ...]:
    """What the node promises, against what its last steps should reach."""
    limits = _promised_m(node, book)
    if not limits:
        return ()
    after, last = known, None
    for one in walk(node, known, scope, book):
        after, last = one.after, one
    assert last is not None
    assert node.focus is not None
    of = {"height": after.height_within_m, "defocus": after.defocus_within_m}
    name, unsure = node.focus.sequence.name, COVERAGE * _focus_unsure_m(book, last.step)
    helps = {"height": "calibrate eucentric focus better (promises: height within)", "defocus": "use a smaller offset"}
    return tuple(
        _check(
            what,
            limit,
            of[what],
            f"Sequence '{name}' is predicted to end within ±{show_bound(of[what])} (tolerance, 3 σ"
            f"{f', and ±{show_bound(unsure)} of eucentric focus' if what == 'height' else ''}), and "
            f"±{show_bound(limit)} is stated: raise its accuracy, use smaller pixels, or {helps[what]}.",
        )
        for what, limit in limits.items()
    )


def kept(node: NodeSettings, found: FocusFound | None, book: CalibrationBook) -> tuple[Check, ...]:
    """What the node promised, held against what it found: None where nothing can be stated."""
    remedy = "Look at its measurements; a step that ends farther away than it promised wants more iterations or dose."
    is_m: dict[str, float | None] = {"height": None, "defocus": None}
    if found is not None:
        stored, unsure = eucentric_focus(book, found.preset)
        low = abs(stored - found.lens_m + found.c1_m)
        scale = book.of(found.preset).uncertainty.focus_scale * abs(stored - found.lens_m)
        height = low + COVERAGE * math.hypot(found.total_sigma_m, unsure, scale)
        is_m = {"height": height, "defocus": found.stated_m}
    return tuple(_check(what, limit, is_m[what], remedy) for what, limit in _promised_m(node, book).items())


def _promised_m(node: NodeSettings, book: CalibrationBook) -> dict[str, float]:
    """The bounds that a node promises: its accuracy of what it corrects last, of height give or take the 3 σ of the
    stored eucentric focus, and of defocus as well where that makes defocus zero. Where Stage Z comes before Defocus:
    of height what the node's settings say, else what correcting by defocus alone needs.
    """
    correcting = _last_correcting(node)
    if correcting is None or node.focus is None:
        return {}
    accuracy, stated = node.focus.sequence.accuracy_m, node.promises.height_within_m
    if correcting.correction_type is CorrectionType.STAGE_Z:
        zero = {"defocus": accuracy} if correcting.reset_defocus is not ResetDefocus.NO else {}
        return {"height": stated or accuracy + COVERAGE * _focus_unsure_m(book, correcting), **zero}
    if corrects_by_defocus_alone(node):
        return {"defocus": accuracy}
    return {"height": stated or EUCENTRIC_WITHIN_M, "defocus": accuracy}


def _states_height(node: NodeSettings) -> bool:
    """Whether a node's settings say how near to eucentric height it ends."""
    correcting = _last_correcting(node)
    by_z = correcting is not None and correcting.correction_type is CorrectionType.STAGE_Z
    return by_z or node.promises.height_within_m is not None


def walk(node: NodeSettings, known: Known, scope: Microscope, book: CalibrationBook) -> Iterator[StepNeed]:
    """The node's measuring steps in order: what each needs with what is known before it, and what it leaves.

    Raises SettingsError where none measures, or its preset is not there; CalibrationError.
    """
    settings = _settings(node)
    steps = measuring(settings)
    if not steps:
        raise SettingsError(
            f"Node '{node.name}' focuses with '{settings.sequence.name}', and none of its enabled steps measures. "
            "Switch a Beam Tilt or Stage Tilt step on."
        )
    for step in steps:
        paper = Paper(step, settings, _preset(scope, step.preset), book.of(step.preset), scope.limits)
        reach, leaves = reach_of(paper), leaves_of(paper)
        need = _step_need(paper, reach, known, COVERAGE * _focus_unsure_m(book, step))
        known = _after(step, leaves, known, COVERAGE * _focus_unsure_m(book, step))
        yield StepNeed(step, need, known, leaves)


def measures_height(node: NodeSettings) -> bool:
    """Whether the node's first measurement is of height."""
    steps = measuring(_settings(node))
    return bool(steps) and _what(steps[0]) == "height"


def corrects_by_defocus_alone(node: NodeSettings) -> bool:
    """Whether the node corrects, and never by height."""
    kinds = {s.correction_type for s in measuring(_settings(node))}
    return CorrectionType.DEFOCUS in kinds and CorrectionType.STAGE_Z not in kinds


def _after(step: FocusStep, leaves: Leaves, known: Known, unsure_m: float) -> Known:
    if step.correction_type is CorrectionType.STAGE_Z:
        return Known(leaves.within_m + unsure_m, leaves.within_m)
    if step.correction_type is CorrectionType.DEFOCUS:
        return Known(known.height_within_m, leaves.within_m)
    return known


def _step_need(paper: Paper, reach: Reach, known: Known, unsure_m: float) -> Check:
    """What a step measures must be within its range. With the lens at eucentric focus that is height, give or take how
    well eucentric focus is known.
    """
    step, what = paper.step, _what(paper.step)
    is_m = known.height_within_m + unsure_m if what == "height" else known.defocus_within_m
    return _check(what, reach.range_m, is_m, _wider(paper, reach, is_m, height=_what(step) == "height"))


def _wider(paper: Paper, reach: Reach, is_m: float, *, height: bool) -> str:
    """What would make a step's range contain ±`is_m`: a word for each of what sets it and does not."""
    step, said = paper.step, f"The range of step '{paper.step.name}' is ±{show_bound(reach.range_m)}. "
    ways = [
        _WAYS[by].format(is_m=show_bound(_ROUNDED_UP * is_m))
        for by, most in reach.allowed_m.items()
        if most < is_m and by in _WAYS
    ]
    images_m = reach.allowed_m[By.IMAGES]
    if images_m < is_m:
        offset = abs(step.offset_m) if step.focus_method is FocusMethod.BEAM_TILT else 0.0
        tilt = step.largest_tilt_rad * (images_m + offset) / (is_m + offset)
        shown = show_angle(tilt) if step.focus_method is FocusMethod.BEAM_TILT else f"{math.degrees(tilt):.2f}°"
        ways.append(
            f"tilt less (at ±{shown} its images, {_field(paper.preset)}, reach ±{show_bound(is_m)}) or use a larger "
            "field"
        )
    way = f"{' and '.join(ways)}."
    return said + (_upper(way) if height else f'Put a Z Focus node before it (focus = "z-focus-beam-tilt"), or {way}')


_ROUNDED_UP = 1.006  # with three digits it is still above
_WAYS = {
    By.DELTA_MAX: "raise delta max above {is_m}",
    By.LIMITS: "raise the limits of its corrections above {is_m} (within what the instrument allows)",
}


def _field(preset: Preset) -> str:
    return f"{preset.size[0]} × {preset.size[1]} pixels of {preset.pixel_m * 1e9:.3g} nm at '{preset.name}'"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _tracked(node: NodeSettings, known: Known, preset: Preset) -> Check:
    """From one tilt to the next the image moves by height × step: less than what leaves enough of it in common."""
    assert node.series is not None
    field = min(preset.size) * preset.pixel_m
    limit = (1 - OVERLAP_FOR_RANGE) * field / math.tan(node.series.step_rad)
    remedy = (
        f"From one tilt to the next the image at '{preset.name}' ({show_bound(field)} wide) moves by the height times "
        f"{math.degrees(node.series.step_rad):.1f}°: put a Tomo Focus node before it, or use smaller steps or a larger "
        "field."
    )
    return _check("height", limit, known.height_within_m, remedy)


def _check(what: str, limit_m: float, is_m: float | None, remedy: str) -> Check:
    check = Check(what, limit_m, is_m)
    return check if check.met else Check(what, limit_m, is_m, remedy)


def _what(step: FocusStep) -> str:
    """What a step measures: height where eucentric focus is set before it (focus/hands.py), else defocus."""
    height = step.correction_type is CorrectionType.STAGE_Z or step.focus_method is FocusMethod.STAGE_TILT
    return "height" if height else "defocus"


def _last_correcting(node: NodeSettings) -> FocusStep | None:
    if node.kind is not Kind.FOCUS:
        return None
    steps = [s for s in measuring(_settings(node)) if s.correction_type is not CorrectionType.NONE]
    return steps[-1] if steps else None


def _settings(node: NodeSettings) -> FocusSettings:
    if node.focus is None:
        raise SettingsError(f"Node '{node.name}' has no focus settings. Give it some: focus = \"focus\".")
    return node.focus


def _preset(scope: Microscope, name: str | None) -> Preset:
    found = {preset.name: preset for preset in scope.presets()}
    if name not in found:
        raise SettingsError(f"{scope.name} has no preset '{name}'. Use one of: {', '.join(found)}.")
    return found[name]


def _focus_unsure_m(book: CalibrationBook, step: FocusStep) -> float:
    """1σ of where eucentric focus is at the step's preset."""
    return eucentric_focus(book, step.preset)[1]


_HEIGHT_REMEDY = (
    "It corrects by defocus, which far from eucentric height shifts the beam and changes the optics: put a Z Focus "
    'node before it (focus = "z-focus-beam-tilt"), or allow more (needs: height within).'
)
_FOCUS_REMEDY = 'Put a Focus node before it (focus = "focus"), or allow more (needs: defocus within).'
NEARER_REMEDY = (
    "Focus nearer to it, at more focus targets about it, or to a better accuracy; or allow more (within), or give the "
    "grid's true slope and waves if they are less (grid: slope, bend)."
)
