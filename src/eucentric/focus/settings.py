"""The settings of a focus step and of a sequence: what an operator fills in, with units, bounds and defaults.

Lengths and angles may be written with a unit ("20 um", "10 mrad"); bare numbers are SI.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.focus.patterns import PatternName
from eucentric.units import parse


class FocusMethod(StrEnum):
    """How a step measures. Stage tilt and manual steps join here."""

    BEAM_TILT = "Beam Tilt"


class CorrectionType(StrEnum):
    """What a step moves to correct, in the words that users know."""

    DEFOCUS = "Defocus"
    STAGE_Z = "Stage Z"
    NONE = "None"


def _reader(si_unit: str) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return parse(value, si_unit)
        except InputError as error:
            raise ValueError(str(error)) from error

    return BeforeValidator(read)


Length = Annotated[float, _reader("m")]
Angle = Annotated[float, _reader("rad")]
Seconds = Annotated[float, _reader("s")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Thresholds(_Settings):
    """When a measurement is believed. All defaults of the verdict stand here and nowhere else."""

    false_lock_max: float = Field(default=1e-6, gt=0, le=1)
    """Largest chance that noise alone made the peak."""
    odds_min: float = Field(default=1000.0, ge=1)
    """Smallest odds of the peak against the second-best one."""
    chi2_per_dof_max: float = Field(default=12.0, gt=0)
    """Largest χ² at one degree of freedom, against the total covariance: 12 is 3.5 σ, a chance of 5e-4. With more
    degrees of freedom the same chance is asked for (5.9 per degree at three)."""
    overlap_min: float = Field(default=0.08, gt=0, lt=1)
    """Smallest common area of the two images, as a fraction of one."""
    lit_min: float = Field(default=0.5, ge=0, le=1)
    """Smallest illuminated fraction of an image."""
    saturated_max: float = Field(default=0.005, ge=0, le=1)
    """Largest fraction of pixels at the camera's maximum."""


class FocusStep(_Settings):
    """One step of a focus sequence: measure with a preset, judge, correct, and look again."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[^/\\\\:*?\"<>|\x00-\x1f.][^/\\\\:*?\"<>|\x00-\x1f]*$")
    """What the step is called in tables and records; a part of file names, so without / \\ : * ? " < > |."""
    enabled: bool = True
    """Whether the step is done at all (the switch)."""
    preset: str = Field(min_length=1)
    """Name of the imaging preset."""
    method: FocusMethod = FocusMethod.BEAM_TILT
    """How it measures."""
    tilt_rad: Angle = Field(default=5e-3, gt=0, le=50e-3)
    """Each image's angle from the coma-free axis, rad: half of the separation that Leginon calls tilt."""
    tilt_direction_rad: Angle = Field(default=0.0, ge=-6.3, le=6.3)
    """Direction of the tilt in the image, rad, from +x (columns) towards +y (rows)."""
    pattern: PatternName = PatternName.PAIR
    """Tilts of one measurement: pair, quad (cancels drift) or cross (measures astigmatism too)."""
    correlation: Method = Method.MATCHED
    """Correlation type."""
    correction: CorrectionType = CorrectionType.DEFOCUS
    """What is moved to correct."""
    offset_m: Length = Field(default=0.0, ge=-20e-6, le=20e-6)
    """Lens defocus added for the exposures alone, m. At focus a thin specimen has little contrast, and the camera's
    own pattern lies at the same (zero) shift; half a micrometre of underfocus avoids both and costs 1.4 % of itself."""
    delta_min_m: Length = Field(default=0.0, ge=0)
    """Smallest change that is made, m, as an absolute value; a smaller error is left as it is."""
    delta_max_m: Length | None = Field(default=None, gt=0)
    """Largest change that is made, m, as an absolute value; None: the capture range of the step."""
    tolerance_m: Length = Field(default=50e-9, gt=0)
    """Good enough: the step ends when |C1| is measured below this, m."""
    iterations: int = Field(default=4, ge=1, le=20)
    """Most corrections the step makes; each is followed by a new measurement."""
    looks_min: int = Field(default=2, ge=1, le=10)
    """Fewest measurements: the first exposures move the specimen, so the first measurement can't be the last."""
    retries: int = Field(default=2, ge=0, le=10)
    """Most further looks at what a measurement was refused for and another look can settle (first motion, lattice)."""
    settle_s: Seconds = Field(default=0.0, ge=0, le=600)
    """Wait after a correction before measuring again, s."""
    thresholds: Thresholds = Thresholds()
    """When its measurements are believed."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.delta_max_m is not None and self.delta_max_m <= self.delta_min_m:
            raise ValueError(
                f"delta_max_m ({self.delta_max_m:g} m) must be above delta_min_m ({self.delta_min_m:g} m)."
            )
        return self


class CorrectionLimits(_Settings):
    """How far corrections may go. Tested before anything moves."""

    defocus_absolute_m: Length = Field(default=100e-6, gt=0)
    """Largest |lens defocus| from defocus zero after a correction, m."""
    stage_z_absolute_m: Length = Field(default=350e-6, gt=0)
    """Largest |stage z| after a correction, m."""
    cumulative_m: Length = Field(default=600e-6, gt=0)
    """Largest sum of |corrections| of one sequence, m."""


class FocusSequence(_Settings):
    """The steps, in order, and the limits on all of them."""

    name: str = "Focus"
    """What the sequence is called."""
    steps: tuple[FocusStep, ...] = Field(min_length=1)
    """The steps, in the order in which they are done."""
    accuracy_m: Length = Field(default=100e-9, gt=0)
    """The run says that it is in focus when its stated error is within this, m."""
    limits: CorrectionLimits = CorrectionLimits()
    """Limits on the corrections."""


def default_sequence() -> FocusSequence:
    """Coarse by stage height at the hole preset, fine by defocus at the focus preset: reaches from ±200 µm to focus."""
    return FocusSequence(
        name="Z Focus, then Focus",
        steps=(
            FocusStep(
                name="coarse",
                preset="hl",
                tilt_rad=4e-3,
                correction=CorrectionType.STAGE_Z,
                offset_m=-20e-6,
                tolerance_m=1e-6,
                looks_min=1,
                iterations=4,
                settle_s=5.0,
            ),
            FocusStep(
                name="fine",
                preset="fa",
                tilt_rad=5e-3,
                pattern=PatternName.QUAD,
                correction=CorrectionType.DEFOCUS,
                offset_m=-0.5e-6,
                tolerance_m=25e-9,
                iterations=4,
                settle_s=1.0,
            ),
        ),
    )
