"""MSI-Tomography on simulated microscopes: the height that Tomo Focus leaves, and the focus of a tilt series ±45°.

Everything as shipped, all default faults on, the grid loaded up to 200 µm off; images of 512 pixels, those of the
series binned to the field that 1024 pixels have (307 nm). Each image's true defocus is told when it is taken.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.claims import Claim, judged, shown
from benchmarks.seeds import Seed
from eucentric.calibration.handed_over import book_from
from eucentric.focus.outcome import COVERAGE
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.microscope.simulated.truth import constants, truth
from eucentric.msi.application import Application, Kind
from eucentric.msi.beliefs import At, Beliefs, eucentric_focus
from eucentric.msi.events import Exposed, UnitEnded
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.outcome import Status, UnitOutcome
from eucentric.msi.presets import install
from eucentric.msi.series.notes import Diary, TiltFocus
from eucentric.msi.session import Session
from eucentric.msi.shipped import shipped_application

GROUP = "4 tomography"
MICROSCOPES, QUICK = 10, 2
SIZE = 512
HEIGHT_M = 300e-9
RMS_M = 100e-9
TOMO, SERIES = "Tomo Focus", "Tilt series"


@dataclass(frozen=True, slots=True)
class Image:
    """One image of the series: the true defocus less the intended one, its stated 1σ, and what it would have been with
    the lens left where the first image had it; metres."""

    alpha_deg: float
    error_m: float
    sigma_m: float
    unmoved_m: float
    flagged: bool


@dataclass(frozen=True, slots=True)
class Height:
    """After Tomo Focus, metres: the true height above the plane that the stored eucentric focus focuses, what is
    believed of it and its 1σ (what is measured); the true height above the eucentric plane itself, and the whole bound
    (3 σ) stated of that: there how well eucentric focus is known comes on top.
    """

    above_stored_m: float
    believed_m: float
    sigma_m: float
    true_m: float
    bound_m: float

    @property
    def pull(self) -> float:
        """What is wrong with what is believed, over its 1σ."""
        return (self.above_stored_m - self.believed_m) / self.sigma_m

    @property
    def held(self) -> bool:
        """Whether both are within what is stated: without, and with what is not known of eucentric focus."""
        stated_m = abs(self.believed_m) + COVERAGE * self.sigma_m
        return abs(self.above_stored_m) <= stated_m and abs(self.true_m) <= self.bound_m


@dataclass(slots=True)
class Tried:
    """One session, with the heights after Tomo Focus where it ended."""

    seed: int
    height: Height | None = None
    images: list[Image] = field(default_factory=list)
    focus_tilts: int = 0
    focus_images: int = 0
    refused: int = 0
    why: str = ""

    @property
    def rms_m(self) -> float:
        """Of the series."""
        return _rms([one.error_m for one in self.images])


def application() -> Application:
    """The shipped one, with images of the series as large as 1024 pixels make them."""
    asked = shipped_application("msi-tomography")
    tomo = asked.presets["tomo"].model_copy(update={"binning": 8, "size": (SIZE, SIZE)})
    return asked.model_copy(update={"presets": {**asked.presets, "tomo": tomo}})


class _Watch:
    """Asks for the truth when the focus node ends, and with each image."""

    def __init__(self, scope: Guarded, beliefs: Beliefs, tried: Tried) -> None:
        self._scope, self._beliefs, self._tried = scope, beliefs, tried
        self._first_m: float | None = None

    def __call__(self, event: Any) -> None:
        if isinstance(event, UnitEnded) and event.outcome.node == TOMO:
            self._height(event.outcome)
        elif isinstance(event, Exposed) and event.unit.node == SERIES:
            self._image(event)

    def _height(self, outcome: UnitOutcome) -> None:
        found, true = outcome.found, constants(self._scope)
        if outcome.status is not Status.DONE or found is None:
            self._tried.why = outcome.why
            return
        stored = eucentric_focus(self._beliefs.book, found.preset)[0]
        plane_m = -(true.focus_scale * stored + true.parfocal_m[found.preset])  # there the stored setting focuses
        at = At(found.place_m, found.preset, found.z_m, found.alpha_rad)
        focus, height_m = self._beliefs.focus((found,), at), truth(self._scope).height_m
        self._tried.height = Height(
            above_stored_m=height_m - plane_m,
            believed_m=stored - focus.lens_m,
            sigma_m=focus.sigma_m,
            true_m=height_m,
            bound_m=self._beliefs.known((found,), at).height_within_m,
        )

    def _image(self, event: Exposed) -> None:
        exposure, lens_m = event.exposure, self._scope.focus_m()
        self._first_m = lens_m if self._first_m is None else self._first_m
        assert exposure.intended_m is not None
        assert exposure.error_sigma_m is not None
        error = truth(self._scope).c1_m - exposure.intended_m
        unmoved = error - (lens_m - self._first_m)
        alpha = math.degrees(exposure.alpha_rad)
        self._tried.images.append(Image(alpha, error, exposure.error_sigma_m, unmoved, bool(exposure.flagged)))


def tomography_of(seed: int) -> Tried:
    """One session of one microscope."""
    asked = application()
    scope = Guarded(open_microscope("simulated", seed=seed, size=SIZE))
    book = install(scope, asked, book_from(handed_out(scope)))
    tried = Tried(seed)
    watch = _Watch(scope, Beliefs.of(asked, scope, book), tried)
    key = next(node.name for node in asked.nodes if node.kind is Kind.TILT_SERIES)
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.create(Path(folder) / "session", asked, About(scope.name, seed=seed)) as journal,
    ):
        result = Session(scope, book, asked, journal, observers=(watch,)).run()
        ended = next((one for one in result.outcomes if one.node == key), None)
        if ended is not None:
            focused = Diary(journal, ended.key).of(TiltFocus)
            tried.focus_tilts, tried.focus_images = len(focused), ended.focus_exposures
            tried.refused = sum(note.lens_m is None for note in focused)
            tried.why = tried.why or (ended.why if ended.status is not Status.DONE else "")
    return tried


def claims_of(tried: list[Tried]) -> Iterator[Claim]:
    """The lines of the table."""
    yield from _heights(tried)
    taken = [one for one in tried if one.images]
    if not taken:
        yield judged(GROUP, "tilt series", "taken", "none was taken", ok=False)
        return
    each = [one.rms_m for one in taken]
    whole = all(len(one.images) == 31 for one in taken) and len(taken) == len(tried)
    yield judged(
        GROUP,
        f"focus error over −45…+45°, {len(taken)} series of 31 images",
        f"rms ≤ {RMS_M * 1e9:.0f} nm each, all taken",
        f"{min(each) * 1e9:.0f} to {max(each) * 1e9:.0f} nm, {_rms(each) * 1e9:.0f} nm over all; "
        f"largest {max(abs(i.error_m) for one in taken for i in one.images) * 1e9:.0f} nm",
        max(each) <= RMS_M and whole,
    )
    tilts, images = [one.focus_tilts for one in taken], [one.focus_images for one in taken]
    yield shown(
        GROUP,
        "focus was measured at",
        f"{min(tilts)} to {max(tilts)} of 31 tilts (mean {np.mean(tilts):.1f}; {np.mean(images):.0f} images, those of "
        f"looking included), refused at {sum(one.refused for one in taken)} in all",
    )
    unmoved = [_rms([i.unmoved_m for i in one.images]) for one in taken]
    yield shown(
        GROUP,
        "the same series with focus at 0° alone",
        f"rms {min(unmoved) * 1e9:.0f} to {max(unmoved) * 1e9:.0f} nm, {_rms(unmoved) * 1e9:.0f} nm over all",
    )
    pulls = np.abs([i.error_m / i.sigma_m for one in taken for i in one.images])
    flagged = sum(i.flagged for one in taken for i in one.images)
    yield shown(
        GROUP,
        "images within 1, 2 and 3 stated σ",
        f"{(pulls < 1).mean():.0%}, {(pulls < 2).mean():.0%} and {(pulls < 3).mean():.0%}; {flagged} flagged",
    )


def _heights(tried: list[Tried]) -> Iterator[Claim]:
    found = [one.height for one in tried if one.height is not None]
    if not found:
        yield judged(GROUP, "height after Tomo Focus", f"within {HEIGHT_M * 1e9:.0f} nm", "none ended", ok=False)
        return
    heights = [abs(one.above_stored_m) for one in found]
    yield judged(
        GROUP,
        f"height after Tomo Focus above the stored eucentric plane, {len(tried)} microscopes",
        f"≤ {HEIGHT_M * 1e9:.0f} nm",
        f"{max(heights) * 1e9:.0f} nm at most, rms {_rms(heights) * 1e9:.0f} nm",
        max(heights) <= HEIGHT_M and len(found) == len(tried),
    )
    held, sigmas, bounds = sum(h.held for h in found), [h.sigma_m for h in found], [h.bound_m for h in found]
    yield judged(
        GROUP,
        "that height is as stated: above the stored plane within 3 σ of focusing, above the true one within the bound",
        "each",
        f"{held} of {len(tried)}; σ {min(sigmas) * 1e9:.0f} to {max(sigmas) * 1e9:.0f} nm, pulls "
        f"{min(one.pull for one in found):+.1f} to {max(one.pull for one in found):+.1f}, rms "
        f"{_rms([one.pull for one in found]):.2f}; bound {min(bounds) * 1e9:.0f} to {max(bounds) * 1e9:.0f} nm",
        held == len(tried),
    )


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """All microscopes."""
    tried = []
    for number in range(QUICK if quick else MICROSCOPES):
        tried.append(tomography_of(int(Seed.TOMOGRAPHY) + number))
        if log:
            one = tried[-1]
            print(one.seed, one.height, one.focus_tilts, one.focus_images, one.why, flush=True)
            print(*one.images, sep="\n", flush=True)
    yield from claims_of(tried)
