"""MSI-Tomography on simulated microscopes: the height that Tomo Focus leaves, and the focus of a tilt series ±45°.

Everything as shipped, all default faults on, the grid loaded up to 200 µm off; images of 512 pixels, those of the
series binned to the field that 1024 pixels have (307 nm). Each image's true defocus is told when it is taken, in its
middle and at the feature: the place of the specimen that the first image has in its middle.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.claims import Claim
from benchmarks.features import Feature
from benchmarks.seeds import Seed
from benchmarks.tomography_rows import Height, Image, Tried, claims_of
from eucentric.calibration.handed_over import book_from
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

MICROSCOPES, QUICK = 10, 2
SIZE = 512
TOMO, SERIES = "Tomo Focus", "Tilt series"


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
        self._feature: Feature | None = None

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
        if self._feature is None:
            preset = self._scope.preset()
            self._feature, self._tried.field_m = Feature.in_the_middle(self._scope), min(preset.size) * preset.pixel_m
        true, seen = truth(self._scope), self._feature.seen(self._scope)
        error = true.c1_m - exposure.intended_m
        self._tried.images.append(
            Image(
                alpha_deg=math.degrees(exposure.alpha_rad),
                error_m=error,
                at_feature_m=true.lens_c1_m + seen.height_m - exposure.intended_m,
                away_m=seen.away_m,
                sigma_m=exposure.error_sigma_m,
                unmoved_m=error - (lens_m - self._first_m),
                flagged=bool(exposure.flagged),
            )
        )


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
