"""What is known of a feature over the tilt: from the settings, the focus found before, and what the diary says."""

from __future__ import annotations

import math

from eucentric.focus.outcome import COVERAGE
from eucentric.msi.application import NodeSettings
from eucentric.msi.beliefs import eucentric_focus
from eucentric.msi.film import PLACE_M
from eucentric.msi.lens import Belief
from eucentric.msi.series.focusing import last_preset
from eucentric.msi.series.geometry import Priors, Seen, TiltGeometry
from eucentric.msi.series.notes import Diary, TiltBegun, TiltFocus, TiltLooked, TiltTracked
from eucentric.msi.series.tilts import tilts
from eucentric.msi.shared import Shared

_HYSTERESIS_M = 0.15e-6
"""1σ of where the lens arrives, from below, beside where it did in another run, or when eucentric focus was calibrated.
"""
DRIFT_M = 20e-9
"""1σ, per component, by which a stage drifts between two tilts, beyond what is predicted."""


def knowledge(shared: Shared, node: NodeSettings, belief: Belief, diary: Diary) -> TiltGeometry:
    """What is known when a series begins or goes on. `belief` is that of focus at the feature."""
    assert node.series is not None
    run, ran = diary.run, shared.journal.noted.run_of
    zero = next((note.run for note in diary.of(TiltBegun) if note.number == 0), run)
    geometry = TiltGeometry(_priors(shared, node, belief), tilts(node.series)[0], run=run, first_run=zero)
    if belief.sigma_m is not None:
        focused = max((ran[unit.key] for unit, _ in shared.found()), default=run)
        own = _less(belief.sigma_m, belief.shared_m)
        found = Seen("lens", node.alpha_rad, belief.lens_m, own, -1, shared_m=belief.shared_m, run=focused)
        geometry = geometry.with_seen(found)
    stays = -2  # stays before this run were other ones
    for note in diary.notes:
        if isinstance(note, TiltFocus) and diary.believed(note):
            geometry = geometry.with_seen(*seen_focus(note, stays))
            stays -= 1
        elif isinstance(note, TiltTracked | TiltLooked):
            geometry = geometry.with_seen(*seen_place(note))
    return geometry


def seen_focus(note: TiltFocus, visit: int) -> tuple[Seen, ...]:
    """What a measurement of focus tells, in the stay `visit`."""
    if note.lens_m is None:
        return ()
    own = _less(note.sigma_m, note.shared_m)
    return (Seen("lens", note.alpha_rad, note.lens_m, own, visit, note.side, note.shared_m, note.run),)


def seen_place(note: TiltTracked | TiltLooked) -> tuple[Seen, ...]:
    """What a place tells. That of the first image is zero by definition, and tells nothing."""
    if note.number == 0 or note.at_m is None:
        return ()
    (across, along), sigma = note.at_m, math.hypot(note.sigma_m, DRIFT_M)
    return (
        Seen("across", note.alpha_rad, across, sigma, note.number, run=note.run),
        Seen("along", note.alpha_rad, along, sigma, note.number, run=note.run),
    )


def _priors(shared: Shared, node: NodeSettings, belief: Belief) -> Priors:
    assert node.series is not None
    assert node.focus is not None
    away_m, preset = node.series.focus_distance_m, last_preset(node.focus)
    stored_m, sigma_m = eucentric_focus(shared.book, preset)
    grid, turns, sure = shared.application.grid, shared.application.goniometer, shared.book.of(preset).uncertainty
    waves = grid.bend_m / grid.bend_length_m
    return Priors(
        lens_m=stored_m,
        lens_sigma_m=sigma_m,
        restart_m=_HYSTERESIS_M,
        play_m=PLACE_M,
        height_m=belief.known.height_within_m / COVERAGE,
        axis_m=turns.axis_offset_m,
        runout_m_per_rad=turns.runout_m_per_rad,
        wobble_m=turns.wobble_m,
        wobble_length_rad=turns.wobble_length_rad,
        film_odd_m=away_m * math.hypot(grid.slope_rad, waves),
        film_even_m=0.5 * math.sqrt(3) * waves * away_m**2 / grid.bend_length_m,
        turned_m=away_m * sure.stage_tilt_axis_rad,
    )


def _less(whole: float, shared: float) -> float:
    """What is left of a 1σ without a part of it."""
    return math.sqrt(max(whole**2 - shared**2, 0.0))
