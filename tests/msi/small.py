"""A small session on the simulated microscope without faults: images of 256², one square, two holes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eucentric.calibration.handed_over import book_from
from eucentric.focus.patterns import PatternName
from eucentric.focus.settings import CorrectionType, FocusSequence, FocusSettings, FocusStep
from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.msi.application import (
    Application,
    GridSettings,
    Kind,
    Lattice,
    NodeSettings,
    PresetSettings,
    SeriesSettings,
)
from eucentric.msi.journal import Journal
from eucentric.msi.noted import About
from eucentric.msi.outcome import SessionResult
from eucentric.msi.presets import install
from eucentric.msi.session import Session
from tests.e2e.wrapped import CALLS, Through

HEIGHT_M = -6e-6
WITHIN_M = 50e-9
DEFOCUS_M = -1e-6

Z_FOCUS = FocusSettings(
    sequence=FocusSequence(
        name="Z Focus",
        accuracy_m=3e-6,
        steps=(
            FocusStep(
                name="height",
                preset="hl",
                tilt_rad=4e-3,
                correction_type=CorrectionType.STAGE_Z,
                offset_m=-20e-6,
                tolerance_m=1e-6,
                looks_min=1,
            ),
        ),
    ),
    accuracy_limit_m=None,
)
FOCUS = FocusSettings(
    sequence=FocusSequence(
        name="Focus",
        accuracy_m=100e-9,
        steps=(
            FocusStep(
                name="fine",
                preset="fa",
                tilt_rad=5e-3,
                pattern=PatternName.QUAD,
                offset_m=-0.5e-6,
                tolerance_m=25e-9,
                looks_min=1,
                reset_defocus=True,  # type: ignore[arg-type]  # as files say it
            ),
        ),
    ),
    accuracy_limit_m=None,
    focus_approach_m=2e-6,
)
NODES = (
    NodeSettings(name="Square", kind=Kind.ACQUIRE, preset="sq", targets=Lattice(centre_m=(5e-6, 5e-6))),
    NodeSettings(name="Z Focus", kind=Kind.FOCUS, inside="Square", focus=Z_FOCUS),
    NodeSettings(
        name="Hole", kind=Kind.ACQUIRE, preset="hl", inside="Square", targets=Lattice(columns=2, spacing_m=6e-6)
    ),
    NodeSettings(name="Focus", kind=Kind.FOCUS, inside="Hole", focus=FOCUS),
    NodeSettings(
        name="Exposure",
        kind=Kind.ACQUIRE,
        preset="ex",
        inside="Hole",
        within_m=WITHIN_M,
        targets=Lattice(columns=2, spacing_m=2e-6),
    ),
)
SMALL = Application(
    name="Small",
    grid=GridSettings(height_within_m=50e-6, slope_rad=1e-4, bend_m=1e-9),  # the film of this microscope is flat
    presets={"ex": PresetSettings(like="fa", dose_per_m2=20e20, defocus_m=DEFOCUS_M)},
    nodes=NODES,
)
SERIES = Application(
    name="Small series",
    grid=GridSettings(height_within_m=1e-6),
    presets={"tomo": PresetSettings(like="fa", dose_per_m2=3e20, defocus_m=DEFOCUS_M)},
    nodes=(
        NodeSettings(
            name="Series",
            kind=Kind.TILT_SERIES,
            preset="tomo",
            focus=FOCUS,
            series=SeriesSettings(first_rad=-0.05, last_rad=0.05, step_rad=0.05),
        ),
    ),
)
"""Images at three tilts."""
UNITS = ("Square 1", "Square 1/Z Focus 1", "Square 1/Hole 1", "Square 1/Hole 2", "Square 1/Hole 1/Focus 1")


def opened(seed: int = 4) -> Any:
    """The microscope without faults, of a film without empty holes."""
    return open_microscope(
        "simulated",
        seed=seed,
        perfect=True,
        size=256,
        magnitudes={"specimen": {"height_m": HEIGHT_M, "empty_holes": 0.0}},
    )


def session(
    microscope: Microscope, journal: Journal, application: Application = SMALL, *, through: Any = None, **options: Any
) -> Session:
    """A session on a microscope, or on what it is seen `through`."""
    book = install(Guarded(microscope), application, book_from(handed_out(microscope)))
    return Session(through or microscope, book, application, journal, **options)


def begun(folder: Path, application: Application = SMALL) -> Journal:
    """A new journal."""
    return Journal.create(folder, application, About("simulated", seed=4))


def run(folder: Path, microscope: Any, application: Application = SMALL, **options: Any) -> SessionResult:
    """A whole session, new or resumed."""
    journal = Journal.open(folder) if (folder / "journal.jsonl").exists() else begun(folder, application)
    with journal:
        return session(microscope, journal, application, **options).run()


class Killed(BaseException):
    """The process ends here."""


class Killing(Through):
    """The process ends at one call (1 is the first), before it is made or after: nothing is heard of it afterwards."""

    def __init__(self, inner: Microscope, at: int, *, after: bool = False, only: str = "") -> None:
        super().__init__(inner)
        self.calls, self.dead = 0, False
        self._at, self._after, self._only = at, after, only

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return self._dying(name, found) if name in CALLS else found

    def _dying(self, name: str, found: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.dead:
                raise Killed
            self.calls += not self._only or name == self._only
            dies = self.calls == self._at and (not self._only or name == self._only)
            if dies and not self._after:
                self.dead = True
                raise Killed
            result = found(*arguments, **options)
            if dies:
                self.dead = True
                raise Killed
            return result

        return call


class Blind(Through):
    """Near one place (y, x) its images are noise."""

    def __init__(self, inner: Microscope, place_m: tuple[float, float], preset: str) -> None:
        super().__init__(inner)
        self._place, self._preset, self._images = place_m, preset, 0

    def acquire(self) -> Frame:
        """One image, or noise."""
        frame: Frame = self.inner.acquire()
        at, (y, x) = self.inner.stage(), self._place
        if max(abs(at.y_m - y), abs(at.x_m - x)) > 0.1e-6 or self.inner.preset().name != self._preset:
            return frame
        self._images += 1
        noise = np.random.default_rng(self._images).poisson(100.0, frame.shape).astype(np.float32)
        return Frame(
            noise, **{n: getattr(frame, n) for n in ("pixel_m", "state", "time_s", "exposure_s", "dose_e_per_m2")}
        )


class Lost(Through):
    """One kind of call fails from the n-th on (0 is the first), so many times."""

    def __init__(self, inner: Microscope, name: str, after: int, times: int = 1) -> None:
        super().__init__(inner)
        self._name, self._left, self.fails = name, after, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return self._failing(found) if name == self._name else found

    def _failing(self, found: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0 < self.fails:
                self.fails -= 1
                raise RuntimeError("the connection was closed")
            return found(*arguments, **options)

        return call
