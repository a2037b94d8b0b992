"""What is believed of an instrument: optics, tilt response, focus scale, and how well each is known.

A Calibration is what the measuring side may know; the truth of a simulated microscope differs from it
by the stated errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eucentric.optics.column import Column

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """1σ of what calibration leaves over. Fractions, radians, metres.

    `tilt_scale`: relative error of the tilt amplitude; `tilt_rotation_rad`: of its direction; `axis_rad`: coma-free
    axis, per component; `focus_scale`: relative error of defocus steps; `a1_m`: prior of each astigmatism component;
    `drift_m_per_s`: prior of the drift between exposures, per component; `pixel_scale`: relative error of pixel size;
    `focus_hysteresis`: what part of a defocus excursion may stay behind when it is taken back.
    """

    tilt_scale: float = 0.01
    tilt_rotation_rad: float = 8.7e-3  # 0.5°
    axis_rad: float = 0.3e-3
    focus_scale: float = 0.01
    pixel_scale: float = 0.0  # tied to tilt_scale: focusing sees only their quotient
    a1_m: float = 15e-9
    drift_m_per_s: float = 0.2e-9
    focus_hysteresis: float = 0.01


@dataclass(frozen=True, slots=True)
class Calibration:
    """What eucentric believes of one instrument in one optics state.

    `tilt_matrix` [[yy, yx], [xy, xx]] maps instrument tilt (y, x) to true tilt in image axes (y, x), identity when the
    instrument is calibrated; `coma_free_rad` is the instrument tilt (y, x) of the coma-free axis.
    `height_per_z` is dC1/dz of the stage: 1 where Z moves along the optical axis; 1/cos α where it moves along the
    normal of a stage tilted by α, so that the full correction there is Δz = −C1·cos α.
    """

    instrument: str
    column: Column
    tilt_matrix: tuple[Vector, Vector] = ((1.0, 0.0), (0.0, 1.0))
    coma_free_rad: Vector = (0.0, 0.0)
    height_per_z: float = 1.0
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
