"""The settings of a focus step, of a sequence and of a focus node: what an operator fills in, with units, bounds and
defaults, in the words that Leginon users know.

In files and forms a value carries its unit: `delta_max_m` is written `delta_max = "20 um"`. Bare numbers are SI.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from eucentric.correlation.shift import Method
from eucentric.errors import InputError
from eucentric.focus.fields import Angle, Dose, Length, LengthOrOff, Seconds, Settings, Speed, given
from eucentric.focus.patterns import Pattern, PatternName, pattern, pattern_of
from eucentric.focus.preset_settings import NamedPreset
from eucentric.units import show_angle, show_length


class FocusMethod(StrEnum):
    """How a step measures, in the words that users know."""

    BEAM_TILT = "Beam Tilt"
    STAGE_TILT = "Stage Tilt"
    MANUAL = "Manual"
    NONE = "None"


class CorrectionType(StrEnum):
    """What a step moves to correct, in the words that users know."""

    DEFOCUS = "Defocus"
    STAGE_Z = "Stage Z"
    NONE = "None"


class ResetDefocus(StrEnum):
    """What becomes of defocus zero after a step's correction."""

    YES = "yes"  # the corrected focus becomes defocus zero
    NO = "no"


def _yes_or_no(value: object) -> object:
    """true and false are what files and forms have for yes and no."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


class Thresholds(Settings):
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


class FocusStep(Settings):
    """One step of a focus sequence: measure with a preset, judge, correct, and look again."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[^/\\\\:*?\"<>|\x00-\x1f.][^/\\\\:*?\"<>|\x00-\x1f]*$")
    """What the step is called in tables and records; a part of file names, so without / \\ : * ? " < > |."""
    switch: bool = True
    """Whether the step is done at all."""
    preset: str = Field(min_length=1)
    """Name of the imaging preset."""
    focus_method: FocusMethod = FocusMethod.BEAM_TILT
    """How it measures."""
    tilt_rad: Angle = Field(default=5e-3, gt=0, le=0.2)
    """Each image's angle from the axis: of the beam (half of the separation that Leginon calls tilt), or of the stage
    with Stage Tilt ("1 deg": images at −1°, 0° and +1° from where it stands)."""
    tilt_direction_rad: Angle = Field(default=0.0, ge=-6.3, le=6.3)
    """Direction of the beam tilt in the image, from +x (columns) towards +y (rows)."""
    pattern: PatternName = PatternName.PAIR
    """Beam tilts of one measurement: pair, quad (cancels drift) or cross (measures astigmatism too)."""
    tilts_rad: tuple[tuple[Angle, Angle], ...] = ()
    """Beam tilts (y, x) from the coma-free axis, in order, used instead of tilt, direction and pattern; opposite ones
    make pairs."""
    correlation_type: Method = Method.MATCHED
    """Correlation type."""
    fit_limit_px2: float | None = Field(default=None, gt=0)
    """Leginon's limit on the squared misfit of the shift across the tilt, unbinned px². Honoured and reported where
    given; the thresholds below judge better, because they know the errors."""
    delta_min_m: Length = Field(default=0.0, ge=0, le=1e-3)
    """Smallest change that is made, as an absolute value; a smaller error is left as it is."""
    delta_max_m: Length | None = Field(default=None, gt=0, le=2e-3)
    """Largest change that is made, as an absolute value; without it, the capture range of the step."""
    correction_type: CorrectionType = CorrectionType.DEFOCUS
    """What is moved to correct."""
    stig_correction: bool = False
    """Correct astigmatism through the stigmators, from four-tilt patterns (cross)."""
    stig_defocus_min_m: Length = Field(default=0.0, ge=0, le=100e-6)
    """Astigmatism is corrected only where |defocus| is at least this."""
    stig_defocus_max_m: Length = Field(default=4e-6, gt=0, le=100e-6)
    """Astigmatism is corrected only where |defocus| is at most this."""
    check_drift: bool = False
    """Wait before measuring until the specimen moves slower than the drift threshold."""
    drift_threshold_m_per_s: Speed = Field(default=3e-10, gt=0, le=1e-6)
    """Slower than this the specimen is still ("3 A/s")."""
    drift_timeout_s: Seconds = Field(default=120.0, gt=0, le=3600)
    """Give up waiting for the drift after so long: the step is refused."""
    recheck_drift: bool = False
    """Measure once more after the correction's drift check: a target that had drifted is repeated."""
    reset_defocus: Annotated[ResetDefocus, BeforeValidator(_yes_or_no)] = ResetDefocus.NO
    """Whether the corrected focus becomes defocus zero at the end of the step."""
    offset_m: Length = Field(default=0.0, ge=-20e-6, le=20e-6)
    """Lens defocus added for the exposures alone. At focus a thin specimen has little contrast, and the camera's
    own pattern lies at the same (zero) shift; half a micrometre of underfocus avoids both and costs 1.4 % of itself."""
    tolerance_m: Length = Field(default=50e-9, gt=0, le=1e-3)
    """The step ends when |C1| is measured below this, and re-measures after a correction that was larger."""
    iterations: int = Field(default=4, ge=1, le=20)
    """Most corrections the step makes; each is followed by a new measurement."""
    looks_min: int = Field(default=2, ge=1, le=10)
    """Fewest measurements: the first exposures move the specimen, so the first measurement can't be the last."""
    look_again: bool = True
    """Measure again after a correction. Off: the correction is trusted: what was measured is stated, with the errors of
    the move. A first correction in a session is a probe and is looked at; the last step looks once more where the run
    could not call itself focused."""
    retries: int = Field(default=2, ge=0, le=10)
    """Most further looks at what a measurement was refused for and another look can settle (first motion, lattice)."""
    settle_s: Seconds = Field(default=0.0, ge=0, le=600)
    """Wait after a correction before measuring again."""
    thresholds: Thresholds = Thresholds()
    """When its measurements are believed."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _ordered("delta", self.delta_min_m, self.delta_max_m)
        _ordered("stig defocus", self.stig_defocus_min_m, self.stig_defocus_max_m)
        if self.focus_method is FocusMethod.STAGE_TILT and not given(self, "tilt_rad"):
            raise ValueError('with Stage Tilt the tilt of the stage must be given, for example tilt = "1 deg".')
        if self.focus_method is FocusMethod.BEAM_TILT and self.largest_tilt_rad > _BEAM_TILT_MAX_RAD:
            raise ValueError(
                f"a beam tilt of {show_angle(self.largest_tilt_rad)} is beyond any instrument. "
                'Write for example tilt = "5 mrad".'
            )
        self.beam_tilts()  # whether given tilts make pairs
        if self.recheck_drift and not self.check_drift:
            raise ValueError(
                "recheck drift looks again at what check drift saw. Switch check drift on too, or recheck drift off."
            )
        if self.fit_limit_px2 is not None and self.focus_method is FocusMethod.STAGE_TILT:
            raise ValueError(
                "fit limit judges shifts of beam tilt pairs, which Stage Tilt has not. Leave it out, or use Beam Tilt."
            )
        if self.stig_correction and not self.measures_astigmatism:
            raise ValueError(
                'stig correction needs Beam Tilt with tilts in two directions. Write pattern = "cross", '
                "or switch stig correction off."
            )
        return self

    @property
    def measures_astigmatism(self) -> bool:
        """Whether its beam tilts span both directions of the image."""
        first, *others = self.beam_tilts().tilts
        across = max(abs(first[0] * x - first[1] * y) / math.hypot(y, x) for y, x in others)
        return self.focus_method is FocusMethod.BEAM_TILT and across > _SPANS * math.hypot(*first)

    @property
    def largest_tilt_rad(self) -> float:
        """The largest tilt of one image."""
        return max((math.hypot(*tilt) for tilt in self.tilts_rad), default=self.tilt_rad)

    def beam_tilts(self, fraction: float = 1.0) -> Pattern:
        """The beam tilts of a measurement, such a part of the step's. Raises ValueError for tilts without opposite."""
        if not self.tilts_rad:
            return pattern(self.pattern, self.tilt_rad * fraction, self.tilt_direction_rad)
        try:
            return pattern_of([(fraction * y, fraction * x) for y, x in self.tilts_rad])
        except InputError as error:
            raise ValueError(str(error)) from error


def _ordered(what: str, smallest_m: float, largest_m: float | None) -> None:
    if largest_m is not None and largest_m <= smallest_m:
        raise ValueError(f"{what} max ({show_length(largest_m)}) must be above {what} min ({show_length(smallest_m)}).")


_BEAM_TILT_MAX_RAD = 0.05
_SPANS = 0.1  # sine of the smallest angle between two tilts that counts as another direction


class CorrectionLimits(Settings):
    """How far corrections may go. Tested before anything moves."""

    defocus_absolute_m: Length = Field(default=100e-6, gt=0, le=1e-3)
    """Largest |lens defocus| from defocus zero after a correction."""
    stage_z_absolute_m: Length = Field(default=350e-6, gt=0, le=2e-3)
    """Largest |stage z| after a correction."""
    cumulative_m: Length = Field(default=600e-6, gt=0, le=5e-3)
    """Largest sum of |corrections| of one sequence."""


class FocusSequence(Settings):
    """The steps, in order, and the limits on all of them."""

    name: str = Field(default="Focus", min_length=1, max_length=64)
    """What the sequence is called."""
    steps: tuple[FocusStep, ...] = Field(min_length=1)
    """The steps, in the order in which they are done."""
    accuracy_m: Length = Field(default=100e-9, gt=0, le=1e-3)
    """The run says that it is in focus when its stated error is within this."""
    limits: CorrectionLimits = CorrectionLimits()
    """Limits on the corrections."""


class FocusSettings(Settings):
    """All settings of one focus node: its sequence, and what is done before and after it at each target."""

    sequence: FocusSequence
    """What is measured and corrected."""
    presets: tuple[NamedPreset, ...] = ()
    """Presets of its own, each like one of the instrument's, for the steps to name."""
    pause_time_s: Seconds = Field(default=0.0, ge=0, le=600)
    """Wait at a target and after each change of preset before the first image, beyond what the instrument waits."""
    melt_preset: str | None = None
    """Preset of the exposure that ends the first-exposure motion; without it the preset of the first step."""
    melt_time_s: Seconds = Field(default=0.0, ge=0, le=600)
    """How long a target is exposed before anything is measured there, once; 0: not at all."""
    beam_tilt_settle_time_s: Seconds = Field(default=0.25, ge=0, le=10)
    """Wait after each beam tilt, beyond what the instrument waits by itself: coils go on creeping."""
    on_phase_plate: bool = False
    """Use the phase plate's own tilts instead of each step's pattern."""
    phase_plate_tilts_rad: tuple[tuple[Angle, Angle], ...] = ()
    """Tilts (y, x) from the coma-free axis used on a phase plate, in order; opposite ones make pairs."""
    manual_focus_preset: str | None = None
    """Preset of manual focusing; without it the preset of the manual step."""
    accuracy_limit_m: LengthOrOff = Field(default=3e-7, gt=0, le=1e-3)
    """Good enough: when |C1| + 3 σ is measured below this by a step that corrects by defocus, the rest is skipped."""
    acquire_final: bool = False
    """After the sequence, take and keep one image at each target."""
    final_preset: str | None = None
    """Preset of the final image; without it the preset in which the node was called."""
    dose_max_per_m2: Dose | None = Field(default=None, gt=0)
    """Budget of electrons for each focus target ("50 e/A2"): what would exceed it is not done."""
    by_hand_dose_max_per_m2: Dose = Field(default=5e22, gt=0)
    """Electrons for the images of one manual step ("500 e/A2"): none is taken beyond, until the operator raises it."""
    z_approach_m: Length = Field(default=2e-6, ge=0, le=50e-6)
    """Backlash: Z is always approached from below, from this far."""
    focus_approach_m: Length = Field(default=0.0, ge=0, le=100e-6)
    """Hysteresis: the lens is always approached from underfocus, from this far; 0: straight."""
    normalize: bool = False
    """Hysteresis: normalise the lenses after each preset change, where the instrument can."""

    @model_validator(mode="after")
    def _has_tilts(self) -> Self:
        names = [preset.name for preset in self.presets]
        if len(set(names)) < len(names):
            raise ValueError("two presets have the same name. Give each a name of its own.")
        if self.on_phase_plate and len(self.phase_plate_tilts_rad) < 2:
            raise ValueError(
                'on a phase plate its own tilts are needed: phase plate tilts = [["0 mrad", "-5 mrad"], '
                '["0 mrad", "5 mrad"]], each as (y, x). Or switch on phase plate off.'
            )
        return self


def default_sequence() -> FocusSequence:
    """Coarse by stage height at the hole preset, fine by defocus at the focus preset: reaches from ±200 µm to focus."""
    return FocusSequence(
        name="Z Focus, then Focus",
        steps=(
            FocusStep(
                name="coarse",
                preset="hl",
                tilt_rad=4e-3,
                correction_type=CorrectionType.STAGE_Z,
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
                pattern=PatternName.CROSS_QUAD,
                correction_type=CorrectionType.DEFOCUS,
                check_drift=True,
                offset_m=-0.5e-6,
                tolerance_m=25e-9,
                iterations=4,
                settle_s=1.0,
            ),
        ),
    )
