"""A tilt series as a unit of the session: the way there, all its tilts, and how it ended."""

from __future__ import annotations

import math
from dataclasses import replace

from eucentric.errors import LimitError, SettingsError
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.preserved import Part
from eucentric.msi.application import NodeSettings
from eucentric.msi.events import PromisesChecked
from eucentric.msi.exposing import skipped, why_failed
from eucentric.msi.focusing import needs_checked, why_not
from eucentric.msi.going import go_to
from eucentric.msi.lens import believed
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.series.focusing import last_preset
from eucentric.msi.series.notes import Diary, TiltBegun, TiltDoubted, TiltFocus, TiltTaken, TiltTrusted
from eucentric.msi.series.promise import series_kept
from eucentric.msi.series.taking import Series
from eucentric.msi.series.tilts import tilts
from eucentric.msi.shared import Shared
from eucentric.msi.units import Unit


def series_unit(shared: Shared, unit: Unit) -> UnitOutcome:
    """Take a tilt series, or what is left of it. Stage tilt, image shift, preset and lens are put back.

    Raises InstrumentError, CalibrationError, SettingsError, Aborted, SessionStops.
    """
    node = shared.node(unit)
    failed = why_failed(shared, unit)
    left_out = skipped(shared, unit, failed)
    if left_out is not None:
        return left_out
    assert node.focus is not None
    diary = Diary(shared.journal, unit.key)
    diary.settle()
    belief = believed(shared, unit, last_preset(node.focus))
    needs = needs_checked(shared, unit, belief)
    unmet = why_not(needs)
    if unmet and not diary.notes:  # what was begun goes on: it measures focus first
        return UnitOutcome(unit.key, node.name, Status.REFUSED, unmet, needs=needs)
    doubt = f"Focusing failed: {failed}" if failed else belief.doubt
    series = Series(shared, unit, belief, diary, doubt)
    approach_m = shared.approach(unit).z_m
    go_to(shared, unit.place_m, belief.z_m, node.alpha_rad, settle_s=node.settle_s, approach_m=approach_m)
    with shared.scope.preserved(keep=(Part.STAGE_XY, Part.STAGE_Z)):
        ended = _taken(series)
    promises = series_kept(node, [begun.sigma_m for begun in diary.of(TiltBegun)])
    shared.audience.tell(PromisesChecked(shared.audience.now_s(), unit, promises))
    return replace(_outcome(unit, diary, ended), needs=needs, promises=promises)


def _taken(series: Series) -> str:
    """Take all tilts that are left; why some were not, empty where all were."""
    ended = ""
    beyond: set[bool] = set()  # sides on which a tilt is beyond a limit, and with it those further out
    for number, alpha_rad in series.left:
        side = alpha_rad > series.first_rad
        if side in beyond:
            continue
        try:
            series.take(number, alpha_rad)
        except LimitError as error:
            beyond.add(side)
            ended = ended or str(error)
    return ended


def check_tilts(scope: Guarded, node: NodeSettings) -> None:
    """Whether the instrument can do what a node does on a tilted stage. Raises SettingsError; nothing moves."""
    can, limit = scope.capabilities, scope.limits.stage_alpha_max_rad
    series = () if node.series is None else tilts(node.series)
    furthest = max(abs(alpha) for alpha in (node.alpha_rad, *series))
    if series and not can.image_shift:
        raise SettingsError(
            f"On {scope.name} there is no image shift, by which the feature of a tilt series is followed: node "
            f"'{node.name}' can't be done there. Nothing was moved."
        )
    if furthest > 0 and not can.stage_alpha:
        raise SettingsError(
            f"On {scope.name} there is no stage tilt: node '{node.name}' can't be done there. Nothing was moved."
        )
    if furthest > limit:
        raise SettingsError(
            f"Node '{node.name}' tilts the stage to {math.degrees(furthest):.1f}°; the limit is "
            f"±{math.degrees(limit):.1f}°. Nothing was moved. Give the node a smaller range."
        )


def what_stands(shared: Shared, unit: Unit, why: str) -> UnitOutcome:
    """How a series ended that an error ended: what was taken stands."""
    diary = Diary(shared.journal, unit.key)
    diary.settle()
    return _outcome(unit, diary, why)


def kept_tilts(shared: Shared, unit: Unit) -> int:
    """How many images of a series are kept so far."""
    return sum(note.exposure is not None for note in Diary(shared.journal, unit.key).of(TiltTaken))


def _outcome(unit: Unit, diary: Diary, ended: str) -> UnitOutcome:
    taken = diary.of(TiltTaken)
    kept = tuple(note.exposure for note in taken if note.exposure is not None)
    lost = sum(note.exposure is None for note in taken)
    focus = diary.of(TiltFocus)
    refused = [note for note in focus if note.lens_m is None]
    trusted = {note.number for note in diary.of(TiltTrusted)}
    doubted = [note for note in diary.of(TiltDoubted) if note.number not in trusted]
    said = [ended] if ended else []
    if taken:
        said.append(f"Focus was measured at {len({note.number for note in focus})} of {len(taken)} tilts.")
    if refused:
        said.append(f"It was refused at {len(refused)} of them, first: {refused[0].why}")
    if doubted:
        said.append(f"It was not believed at {len({note.number for note in doubted})} of them, first: {doubted[0].why}")
    if lost:
        said.append(f"{lost} exposed when the session was interrupted, and not exposed again.")
    status = Status.FAILED if ended or not kept else Status.DONE
    return UnitOutcome(unit.key, unit.node, status, " ".join(said), exposures=kept)
