"""What is believed of an instrument: optics, tilt response, focus scale, and how well each is known.

A Calibration is what the measuring side may know; the truth of a simulated microscope differs from it
by the stated errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from eucentric.calibration.quantities import AlphaResponse, StigmatorResponse
from eucentric.optics.column import Column

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """1σ of what calibration leaves over. Fractions, radians, metres.

    `tilt_scale`: relative error of the tilt amplitude; `tilt_rotation_rad`: of its direction; `axis_rad`: coma-free
    axis, per component; `focus_scale`: relative error of defocus steps; `a1_m`: prior of each astigmatism component;
    `drift_m_per_s`, `drift_change_m_per_s2`: priors of the drift between exposures and of its change, per component;
    `pixel_scale`: relative error of pixel size;
    `focus_hysteresis`: what part of a defocus excursion may stay behind when it is taken back;
    `first_motion_m`, `first_motion_s`: prior, per component, and time constant (half and twice it are allowed for) of
    the motion that decays after the first exposure of a measurement. The default is that of a place never exposed
    before, 3 nm in all; `focus.motion` tells what is left of it later. `stage_tilt_axis_rad`: of the direction of
    the stage's tilt axis in the image; `tilt_shear`: what scale and rotation leave of the relative error of the 2×2
    tilt matrix, per component: it looks like an A1 of that part of C1; `tilt_cubic_per_rad2`: of the coils' cubic
    term; `c3_relative`: of Cs; `film_tilt_rad`: of the film's own tilt against the stage, per component;
    `tilt_settling`: what part of a step of the beam tilt is missing when the image is taken; `c1_scale`: relative error
    of the metre that C1 is told in, where that is the commanded one of the lens. `focus_scale` is that of lens steps
    against this metre.
    `height_scale`: relative error of `Calibration.height_per_z`; `z_arrival_m`: of where the stage's Z (or its tilt)
    arrives when it comes to the same reading again from the same side, `z_play_m` how far off from the other one.
    """

    tilt_scale: float = 0.01
    tilt_rotation_rad: float = 8.7e-3  # 0.5°
    axis_rad: float = 0.3e-3
    focus_scale: float = 0.01
    pixel_scale: float = 0.0  # tied to tilt_scale: focusing sees only their quotient
    a1_m: float = 15e-9
    drift_m_per_s: float = 0.2e-9
    focus_hysteresis: float = 0.01
    first_motion_m: float = 2.1e-9  # 3 nm in a direction that is not known: 3/√2 per component
    first_motion_s: float = 2.0
    stage_tilt_axis_rad: float = 8.7e-3
    tilt_shear: float = 3e-3
    tilt_cubic_per_rad2: float = 0.0  # tied to tilt_scale at the tilt where that was calibrated
    c3_relative: float = 0.01
    film_tilt_rad: float = 5e-3
    tilt_settling: float = 2e-3  # of coils with 40 ms after 0.25 s
    c1_scale: float = 0.0
    drift_change_m_per_s2: float = 5e-12  # 0.1 nm/s that decays with 20 s, as a stage's does
    height_scale: float = 0.005
    z_arrival_m: float = 20e-9
    z_play_m: float = 0.3e-6


@dataclass(frozen=True, slots=True)
class Source:
    """One kept calibration that went into what is believed: its kind, when (UTC) and at which preset it was measured;
    `transferred`: carried over from there by computation.
    """

    kind: str
    taken: datetime
    preset: str
    transferred: bool = False


@dataclass(frozen=True, slots=True)
class Calibration:
    """What eucentric believes of one instrument in one optics state.

    `tilt_matrix` [[yy, yx], [xy, xx]] maps instrument tilt (y, x) to true tilt in image axes (y, x), identity when the
    instrument is calibrated; `coma_free_rad` is the instrument tilt (y, x) of the coma-free axis.
    At larger tilts the coils give (1 + `tilt_cubic_per_rad2`·|t|²) times as much, t the instrument tilt.
    `height_per_z` is dC1/dz of the stage at alpha = 0. Where Z moves along the optical axis it is the same at any α;
    with `z_along_normal` it moves along the tilted holder's normal, the film's height at the optical axis follows by
    1/cos α, and the full correction is Δz = −C1·cos α / height_per_z.
    `stage_tilt_axis_rad` is the direction of the stage's tilt axis in the image, from +x towards +y: at α > 0 height
    grows a quarter turn further on, by tan α per metre in the image. `alpha`, `stigmator`, `eucentric_focus_m`
    (absolute lens setting), `eucentric_focus_sigma_m` (its 1σ) are None where not calibrated. `sources` are what it was
    made from, empty where the instrument told it of itself.
    """

    instrument: str
    column: Column
    tilt_matrix: tuple[Vector, Vector] = ((1.0, 0.0), (0.0, 1.0))
    coma_free_rad: Vector = (0.0, 0.0)
    height_per_z: float = 1.0
    z_along_normal: bool = False
    tilt_cubic_per_rad2: float = 0.0
    stage_tilt_axis_rad: float | None = None
    alpha: AlphaResponse | None = None
    stigmator: StigmatorResponse | None = None
    eucentric_focus_m: float | None = None
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
    eucentric_focus_sigma_m: float | None = None
    sources: tuple[Source, ...] = ()

    def c1_per_z(self, alpha_rad: float) -> float:
        """dC1/dz of the stage at stage tilt `alpha_rad`, at the optical axis."""
        return self.height_per_z / (math.cos(alpha_rad) if self.z_along_normal else 1.0)
