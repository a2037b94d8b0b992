"""What the records hand out: frozen values, SI, vectors (y, x). Times `_at` are of the clock on the wall, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eucentric.calibration.instrument import Calibration
from eucentric.focus.how import How
from eucentric.focus.result import DefocusResult
from eucentric.focus.settings import FocusSettings
from eucentric.focus.targets import FocusTarget
from eucentric.images.frame import Frame, OpticalState

RUNNING = "running"
"""The status of a run that has not ended, or whose process was killed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs and measurements are asked for: all that fit every field that is given.

    `refused` asks for refused measurements, and for runs that were refused, failed or not in focus. `step` and
    `accepted` concern measurements alone.
    """

    since: datetime | None = None
    until: datetime | None = None
    instrument: str | None = None
    session: int | None = None
    node: str | None = None
    run: int | None = None
    step: str | None = None
    refused: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session; `ended_at` None: it has not ended. `complete` and `stopped` as its result has them. `units` are all of
    its targets, `done` how many of them are done: none that was refused, skipped, or failed.
    """

    id: int
    application: str
    instrument: str
    folder: str
    version: str
    begun_at: datetime
    ended_at: datetime | None
    begun_s: float
    ended_s: float | None
    units: int
    complete: bool | None
    stopped: str | None
    runs: int
    done: int


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run. `session_id`, `node` and `target` (the unit's key) where it came from a session.

    `status`: "running" (or killed), "focused", "not focused", "measured", "by hand" (nothing else was done),
    "nothing measured" (all steps were skipped), "refused", "aborted" (by the operator), "failed" (broke off). `reason`
    is the code of a refusal.
    """

    id: int
    session_id: int | None
    node: str | None
    target: str | None
    instrument: str
    sequence: str
    accuracy_m: float
    measure_only: bool
    version: str
    begun_at: datetime
    ended_at: datetime | None
    begun_s: float
    ended_s: float | None
    status: str
    focused: bool | None
    statement: str | None
    reason: str | None
    residual_m: float | None
    residual_sigma_m: float | None
    residual_total_sigma_m: float | None
    stated_error_m: float | None
    dose_e_per_m2: float | None
    measurements: int
    refused: int


@dataclass(frozen=True, slots=True)
class RunDetails:
    """The rest of a run: its settings, its targets, and how the instrument stood before and after it."""

    settings: FocusSettings
    targets: tuple[FocusTarget, ...]
    found_as: OpticalState | None
    left_as: OpticalState | None


@dataclass(frozen=True, slots=True)
class KeptStep:
    """How a step of a run ended."""

    number: int
    name: str
    preset: str
    method: str
    status: str
    refusal: str | None
    skipped: str | None
    dose_e_per_m2: float
    corrected_m: float
    range_m: float | None
    ended_s: float


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved after a measurement: by how much C1 was to change, and where the channel arrived (read-back)."""

    channel: str
    change_c1_m: float
    moved_m: float
    moved_to_m: float
    arrived_m: float
    probe: bool
    taken_back: bool


@dataclass(frozen=True, slots=True)
class KeptMeasurement:
    """A measurement, as tables and figures need it; `number` counts those of its run from 0.

    `accepted` is None where it was cut off before it was judged; then what was measured is None too, as it is where
    nothing at all was found in the images. `c1_m` is given also when refused. `offset_m` is the lens defocus at which
    its images were taken on purpose, taken off `c1_m`. `images` counts those taken, `images_kept` those that are there
    now. `exposing_s` is from the first image to the last, `computing_s` what comparing them took.
    """

    id: int
    run_id: int
    session_id: int | None
    node: str | None
    run_target: str | None
    instrument: str
    number: int
    step: str
    target: str
    taken_at: datetime
    time_s: float
    preset: str
    magnification: float | None
    voltage_v: float | None
    method: str | None
    tilt_rad: float | None
    pixel_m: float | None
    lens_defocus_m: float | None
    stage_yx_m: tuple[float, float] | None
    stage_z_m: float | None
    stage_alpha_rad: float | None
    stigmator: tuple[float, float] | None
    accepted: bool | None
    reason: str | None
    sentence: str | None
    c1_m: float | None
    sigma_m: float | None
    total_sigma_m: float | None
    offset_m: float | None
    a1_m: tuple[float, float] | None
    a1_sigma_m: tuple[float, float] | None
    drift_m_per_s: tuple[float, float] | None
    chi2: float | None
    dof: int | None
    misfit_px2: float | None
    false_lock: float | None
    overlap: float | None
    dose_e_per_m2: float | None
    exposing_s: float | None
    computing_s: float | None
    moved: Moved | None
    images: int
    images_kept: int

    @property
    def chi2_per_dof(self) -> float | None:
        """χ² per degree of freedom."""
        return None if self.chi2 is None or not self.dof else self.chi2 / self.dof


@dataclass(frozen=True, slots=True)
class KeptDrift:
    """A look at the drift; the speed is None where the images did not tell it."""

    run_id: int
    step: str
    told_at: datetime
    time_s: float
    speed_m_per_s: float | None
    sigma_m_per_s: float | None
    threshold_m_per_s: float
    still: bool


@dataclass(frozen=True, slots=True)
class KeptImage:
    """One image of a measurement: `file` below the image folder, or why it is `gone`; `frame` without its pixels."""

    number: int
    name: str
    time_s: float
    tilt_rad: tuple[float, float] | None
    frame: dict[str, Any]
    size_bytes: int
    file: str | None
    gone: str | None


@dataclass(frozen=True, slots=True)
class MeasurementDetails:
    """All that is kept of a measurement: `result` with its shifts, findings and error budget (its correlation map is
    None: `remeasure` makes it anew), and what it was measured with.

    `links` are the images that each shift of the result compares. `how` is None where the stage was tilted, `result`
    where it was cut off.
    """

    row: KeptMeasurement
    result: DefocusResult | None
    how: How | None
    calibration: Calibration | None
    links: tuple[tuple[int, int], ...]
    images: tuple[KeptImage, ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """The images of a measurement in the order of its pattern; empty where they are not there: `why_not`."""

    frames: tuple[Frame, ...]
    why_not: str | None = None
