"""A tilt series without images, on any goniometer.

The prediction (msi/series/geometry.py), the order of the tilts and the decision to focus (msi/series_plan.py) are the
program's; the goniometer is the simulator's, with its drift. What images would tell is drawn: the feature's place to
5 nm, focus to 3 nm, and what all focusing of a column is off by together. So a series takes a tenth of a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from eucentric.microscope.simulated.clock import Clock
from eucentric.microscope.simulated.magnitudes import StageMagnitudes
from eucentric.microscope.simulated.stage import Place, Stage
from eucentric.msi.film import PLACE_M
from eucentric.msi.series.geometry import Predicted, Priors, Seen, TiltGeometry
from eucentric.msi.series.tilts import focus_first, tilts
from eucentric.msi.shipped import shipped_application

FIELD_M = 307e-9

_TILT_S, _FOCUS_S, _APPROACH_RAD = 10.0, 8.0, math.radians(0.5)
_PLACE_M, _FOCUS_M, _DRIFT_M = 5e-9, 3e-9, 20e-9  # noise of a place and of a focus; drift between tilts, as stated
_FOCUS_STATED_M, _SHARED_M = 5e-9, math.hypot(15e-9, 5e-9, 5e-9)  # 1σ stated of a focus; of it what all share
_EUCENTRIC_M, _TOLERANCE_M, _HYSTERESIS_M = 50e-9, 50e-9, 0.15e-6  # stored focus; what Tomo Focus leaves; of the lens
_STEP_M, _SCALE = 2.5e-6, 0.01  # from where focus is measured to the intended defocus; 1σ of the lens' scale
_SLOPE_RAD, _WAVES_RAD, _TURN_RAD = 17e-3, 0.03, 8.7e-3  # of the film along the axis; 1σ of the axis' direction
_TURNS = (1, -1, -1, 1)

GoniometerSettings: TypeAlias = Any
"""The fields axis_offset_m, wobble_m, wobble_length_rad and runout_m_per_rad, wherever the application has them."""


@dataclass(frozen=True, slots=True)
class Goniometer:
    """One kind of goniometer. With `waves_per_turn` it wobbles in those, as much as the simulator's own."""

    magnitudes: StageMagnitudes = field(default_factory=StageMagnitudes)
    waves_per_turn: tuple[float, ...] = ()

    def stage(self, clock: Clock, seed: int) -> Stage:
        """One of them."""
        if not self.waves_per_turn:
            return Stage(self.magnitudes, clock, seed)
        return _Waving(self.magnitudes, clock, seed, self.waves_per_turn)


class _Waving(Stage):
    """The simulator's stage with waves of other lengths."""

    def __init__(self, magnitudes: StageMagnitudes, clock: Clock, seed: int, waves: tuple[float, ...]) -> None:
        super().__init__(magnitudes.model_copy(update={"wobble_m": 0.0}), clock, seed)
        self._waves, self._size_m = np.array(waves), magnitudes.wobble_m * math.sqrt(2 / len(waves))
        self._starts = np.random.default_rng((seed, 12)).uniform(0, 2 * np.pi, (3, len(waves)))

    def place(self, before_s: float = 0.0) -> Place:
        """Where it is, as the simulator's own does."""
        place = super().place(before_s)
        waves = np.sin(self._waves * place.alpha_rad + self._starts) - np.sin(self._starts)
        x, y, up = self._size_m * waves.sum(axis=1)
        return replace(place, sideways_m=place.sideways_m + complex(x, y), rise_m=place.rise_m + float(up))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tried: a goniometer, with the settings that the application has for it."""

    name: str
    goniometer: Goniometer = field(default_factory=Goniometer)
    told: tuple[tuple[str, float], ...] = ()
    focus_within_m: float | None = None
    """None: as shipped."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One series, metres: errors of focus at the feature and in the middle of the images, the stated 1σ, the feature's
    distance from the middle; at how many tilts focus was measured."""

    at_feature_m: tuple[float, ...]
    in_middle_m: tuple[float, ...]
    sigma_m: tuple[float, ...]
    away_m: tuple[float, ...]
    foci: int

    @property
    def rms_m(self) -> float:
        """Of the feature or of the middle, whichever is larger."""
        return max(float(np.sqrt(np.mean(np.square(errors)))) for errors in (self.at_feature_m, self.in_middle_m))


class _Microscope:
    """A feature on a goniometer, the film about it, and a lens; truths that are drawn once."""

    def __init__(self, goniometer: Goniometer, seed: int, away_m: float, bend_rad_per_m: float) -> None:
        rng = np.random.default_rng((seed, 99))
        self.clock, self.rng, self._away_m = Clock(), rng, away_m
        self._stage = goniometer.stage(self.clock, seed)
        self._film_rad = rng.uniform(-0.7, 0.7) * _SLOPE_RAD + rng.normal() * _WAVES_RAD
        self._turn_rad, self._bend_m = rng.normal() * _TURN_RAD, 0.5 * rng.normal() * bend_rad_per_m * away_m**2
        self.eucentric_m = float(rng.normal() * _EUCENTRIC_M)  # the lens setting that focuses the eucentric plane
        self.left_m = float(rng.normal() * _TOLERANCE_M)  # by Tomo Focus: where the lens is in focus then
        self.shared_m = float(rng.normal() * _SHARED_M)  # what every focus is off by
        self.step_m = float(rng.normal() * _SCALE) * _STEP_M
        self.tilt(0.0)
        start = self._stage.place()
        self._flat_m = self.eucentric_m - self.left_m - start.rise_m - start.z_m
        self._at = start.xy_m
        self._zero = self._seen()

    def tilt(self, alpha_rad: float) -> None:
        """From below, as the program does."""
        self._stage.move({"alpha_rad": alpha_rad - _APPROACH_RAD})
        self._stage.move({"alpha_rad": alpha_rad})
        self.clock.wait(_TILT_S)

    def _seen(self) -> complex:
        place = self._stage.place()
        off, flat = self._at - place.xy_m, self._flat_m + place.z_m
        across = place.axis_m + (off.imag - place.axis_m) * math.cos(place.alpha_rad)
        return complex(off.real, across - flat * math.sin(place.alpha_rad)) + place.sideways_m

    def seen(self) -> complex:
        """Where the feature is, along + i·across the tilt axis, from where it was at first."""
        return self._seen() - self._zero

    def height_m(self) -> float:
        """Of the feature."""
        place = self._stage.place()
        off, flat = self._at - place.xy_m, self._flat_m + place.z_m
        sin, cos = math.sin(place.alpha_rad), math.cos(place.alpha_rad)
        return float((off.imag - place.axis_m) * sin + flat * cos + place.rise_m)

    def beside_m(self, side: int) -> float:
        """By how much a focus target lies higher than what is `away` from it along the axis."""
        alpha = self._stage.place().alpha_rad
        film = side * self._film_rad * self._away_m + self._bend_m
        return film / math.cos(alpha) + side * self._away_m * self._turn_rad * math.tan(alpha)


@dataclass(frozen=True, slots=True)
class _View:
    """Where an image looks, along + i·across, with its 1σ, and that as a height; metres."""

    middle: complex
    sigma_m: float
    height_sigma_m: float


class _Series:
    """One tilt series: what the program's own (msi/series.py) does, with what it would see drawn."""

    def __init__(self, asked: Asked, seed: int) -> None:
        application = shipped_application("msi-tomography")
        node = next(one for one in application.nodes if one.series is not None)
        assert node.series is not None
        grid, self._alphas = application.grid, tilts(node.series)
        settings: GoniometerSettings = getattr(application, "goniometer", node.series)
        settings = settings.model_copy(update=dict(asked.told))
        self._within_m = asked.focus_within_m or node.series.focus_within_m
        away_m, waves_rad = node.series.focus_distance_m, grid.bend_m / grid.bend_length_m
        bend = math.sqrt(3) * waves_rad / grid.bend_length_m
        self._scope = _Microscope(asked.goniometer, seed, away_m, bend)
        known_m = math.hypot(_FOCUS_STATED_M, _SHARED_M, _EUCENTRIC_M)
        priors = Priors(
            lens_m=0.0,
            lens_sigma_m=_EUCENTRIC_M,
            restart_m=_HYSTERESIS_M,
            play_m=PLACE_M,
            height_m=abs(self._scope.left_m) / 3 + known_m,
            axis_m=settings.axis_offset_m,
            runout_m_per_rad=settings.runout_m_per_rad,
            wobble_m=settings.wobble_m,
            wobble_length_rad=settings.wobble_length_rad,
            film_odd_m=away_m * math.hypot(grid.slope_rad, waves_rad),
            film_even_m=0.5 * bend * away_m**2,
            turned_m=away_m * _TURN_RAD,
        )
        self._geometry, self._foci = TiltGeometry(priors, self._alphas[0]), 0
        self._see_focus(0.0, self._scope.height_m(), -1, _FOCUS_STATED_M)

    def taken(self) -> Taken:
        """All of it."""
        before: list[float] = []
        rows: list[tuple[float, float, float, float]] = []
        step_sigma = _STEP_M * math.hypot(_SCALE, _SCALE / math.sqrt(3))
        for number, alpha in enumerate(self._alphas):
            self._scope.tilt(alpha)
            view = self._view(alpha)
            if view.sigma_m > FIELD_M / 4:  # the program looks beside the feature first
                self._see_place(alpha, number)
                view = self._view(alpha)
            lens = self._lens(alpha, number, view)
            if focus_first(lens.sigma_m, before, self._within_m):
                self._focus(alpha, number, view)
                lens = self._lens(alpha, number, view)
            before.append(lens.sigma_m)
            beside = self._scope.seen() - view.middle
            at_feature = lens.value_m - self._scope.eucentric_m + self._scope.height_m() + self._scope.step_m
            in_middle = at_feature - beside.imag * math.tan(alpha)
            rows.append((at_feature, in_middle, math.hypot(lens.sigma_m, step_sigma), abs(beside)))
            if number and abs(beside) < FIELD_M / 2:
                self._see_place(alpha, number)
        at_feature_m, in_middle_m, sigma_m, away_m = (tuple(column) for column in zip(*rows, strict=True))
        return Taken(at_feature_m, in_middle_m, sigma_m, away_m, self._foci)

    def _view(self, alpha: float) -> _View:
        across, along = self._geometry.across(alpha), self._geometry.along(alpha)
        sigma = math.hypot(max(across.sigma_m, along.sigma_m), _DRIFT_M)
        return _View(complex(along.value_m, across.value_m), sigma, sigma * math.tan(abs(alpha)))

    def _lens(self, alpha: float, visit: int, view: _View) -> Predicted:
        found = self._geometry.lens(alpha, visit)
        return Predicted(found.value_m, math.hypot(found.sigma_m, view.height_sigma_m))

    def _see_place(self, alpha: float, visit: int) -> None:
        seen, sigma = self._scope.seen(), math.hypot(_PLACE_M, _DRIFT_M)
        across, along = (v + float(self._scope.rng.normal()) * _PLACE_M for v in (seen.imag, seen.real))
        more = (Seen("across", alpha, across, sigma, visit), Seen("along", alpha, along, sigma, visit))
        self._geometry = self._geometry.with_seen(*more)

    def _focus(self, alpha: float, visit: int, view: _View) -> None:
        """At a target beside the middle of the view: of the place's error only what is across the axis is a height."""
        side = _TURNS[self._foci % len(_TURNS)]
        self._foci += 1
        self._scope.clock.wait(_FOCUS_S)
        beside = (self._scope.seen() - view.middle).imag * math.tan(alpha)
        height_m = self._scope.height_m() - beside + self._scope.beside_m(side)
        self._see_focus(alpha, height_m, visit, math.hypot(_FOCUS_STATED_M, view.height_sigma_m), side)

    def _see_focus(self, alpha: float, height_m: float, visit: int, own_m: float, side: int = 0) -> None:
        scope = self._scope
        lens_m = scope.eucentric_m - height_m + scope.shared_m + float(scope.rng.normal()) * _FOCUS_M
        seen = Seen("lens", alpha, lens_m, own_m, visit, side, _SHARED_M)
        self._geometry = self._geometry.with_seen(seen)


def taken(asked: Asked, seed: int) -> Taken:
    """One series."""
    return _Series(asked, seed).taken()
