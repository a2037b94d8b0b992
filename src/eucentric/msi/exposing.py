"""An acquisition at one of its targets: the lens at the film's focus plus the intended defocus, one image, kept."""

from __future__ import annotations

from dataclasses import replace

from eucentric.focus.outcome import COVERAGE
from eucentric.images.frame import Frame
from eucentric.microscope.preserved import unbroken
from eucentric.microscope.protocol import Preset, Vector
from eucentric.msi.application import AfterFailure, NodeSettings
from eucentric.msi.events import Exposed
from eucentric.msi.focusing import needs_checked, why_not
from eucentric.msi.going import go_to, lens_step_m, set_lens, set_preset
from eucentric.msi.journal import image_file
from eucentric.msi.lens import believed, believed_if_calibrated
from eucentric.msi.outcome import Exposure, Status, UnitOutcome
from eucentric.msi.shared import SessionStops, Shared
from eucentric.msi.units import Unit
from eucentric.msi.waiting import failed_focus
from eucentric.units import show_bound

_BYTES, _HEADER = 4, 1 << 16


def expose_unit(shared: Shared, unit: Unit) -> UnitOutcome:
    """Take the image of a target. Raises InstrumentError, CalibrationError, SettingsError, Aborted, SessionStops."""
    failed = why_failed(shared, unit)
    node, before = shared.node(unit), skipped(shared, unit, failed) or _begun_before(shared, unit)
    return before if before is not None else _expose(shared, unit, node, failed)


def why_failed(shared: Shared, unit: Unit) -> str:
    """Why focusing failed for an acquisition; empty where it did not."""
    return failed_focus(shared.application, shared.units, shared.journal.noted.outcomes, unit)


def skipped(shared: Shared, unit: Unit, failed: str) -> UnitOutcome | None:
    """What becomes of an acquisition whose focusing failed, as its node says; None: it is done. Raises SessionStops."""
    node = shared.node(unit)
    if not failed or node.after_failure is AfterFailure.GO_ON:
        return None
    outcome = UnitOutcome(unit.key, node.name, Status.SKIPPED, f"Focusing failed: {failed}")
    if node.after_failure is AfterFailure.STOP:
        raise SessionStops(f"Focusing failed for {unit.key}, and its node asks to stop then. {failed}", outcome)
    return outcome


def room_of(preset: Preset) -> int:
    """Bytes that an image has at most."""
    rows, columns = preset.size
    return rows * columns * _BYTES + _HEADER


def field_of(preset: Preset) -> Vector:
    """Height and width of an image on the specimen, metres."""
    return (preset.size[0] * preset.pixel_m, preset.size[1] * preset.pixel_m)


def _begun_before(shared: Shared, unit: Unit) -> UnitOutcome | None:
    """What became of an image that was begun before the session was interrupted; None where none was."""
    planned = shared.journal.noted.exposing.get(unit.key)
    if planned is None:
        return None
    if shared.journal.kept(planned.file):
        why = "The session was interrupted just after the image was kept."
        return UnitOutcome(unit.key, unit.node, Status.DONE, why, exposures=(planned,))
    why = "It was interrupted during the exposure: the place may be exposed, and is not exposed again."
    return UnitOutcome(unit.key, unit.node, Status.INTERRUPTED, why)


def _expose(shared: Shared, unit: Unit, node: NodeSettings, failed: str) -> UnitOutcome:
    assert node.preset is not None
    matters, approach = node.within_m is not None, shared.approach(unit)
    preset = shared.beliefs.presets[node.preset]
    if matters:
        belief = believed(shared, unit, node.preset, preset.defocus_m)
    else:
        belief = believed_if_calibrated(shared, unit, node.preset)
    needs = needs_checked(shared, unit, belief)
    unmet = why_not(needs)
    if unmet:
        return UnitOutcome(unit.key, node.name, Status.REFUSED, unmet, needs=needs)
    set_preset(shared, node.preset, normalize=approach.normalize)
    go_to(shared, unit.place_m, belief.z_m, node.alpha_rad, settle_s=node.settle_s, approach_m=approach.z_m)
    step_m = (
        lens_step_m(shared.book.of(node.preset), preset.defocus_m, approach.lens_m) if matters else preset.defocus_m
    )
    set_lens(shared, belief.lens_m + step_m, approach.lens_m)
    sigma = belief.sigma_m if matters else None
    planned = Exposure(
        preset=node.preset,
        file=image_file(unit.key),
        place_m=unit.place_m,
        alpha_rad=node.alpha_rad,
        time_s=shared.audience.now_s(),
        dose_e_per_m2=preset.dose_e_per_m2,
        intended_m=preset.defocus_m if matters else None,
        error_sigma_m=sigma,
        flagged=_flag(node, sigma, failed) or (belief.doubt if matters else ""),
        field_m=field_of(preset),
    )
    shared.journal.room_for(planned.file, room_of(preset))
    shared.check()
    with unbroken():  # what the camera has is never thrown away
        shared.journal.exposing(unit.key, planned)
        exposure = _kept(shared, unit, planned, shared.expose())
    return UnitOutcome(unit.key, node.name, Status.DONE, needs=needs, exposures=(exposure,))


def _kept(shared: Shared, unit: Unit, planned: Exposure, frame: Frame) -> Exposure:
    """Keep the image and tell of it, before anything moves on. Raises KeepError when it can't be kept."""
    dose = planned.dose_e_per_m2 if frame.dose_e_per_m2 is None else frame.dose_e_per_m2
    exposure = replace(planned, time_s=frame.time_s, dose_e_per_m2=dose)
    shared.journal.keep(exposure.file, frame)
    shared.audience.tell(Exposed(shared.audience.now_s(), unit, exposure, frame))
    return exposure


def _flag(node: NodeSettings, sigma_m: float | None, failed: str) -> str:
    """Why the image's focus is not to be relied on."""
    if node.within_m is None:
        return ""
    if failed:
        return f"Focusing failed: {failed}"
    if sigma_m is None:
        return "No focus was found near it."
    if COVERAGE * sigma_m <= node.within_m:
        return ""
    return f"Its defocus is known to ±{show_bound(COVERAGE * sigma_m)} (3 σ); ±{show_bound(node.within_m)} is asked."
