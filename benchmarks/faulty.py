"""Every fault of DESIGN.md section 2 alone, at five times its default: which they are, and what names them rightly.

Written down before the first run: a fault's `named_by` are the reasons of a refusal (focus/verdict.Reason), the errors,
or the lines of `eucentric check` that tell an operator the true cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eucentric.microscope.simulated.magnitudes import Magnitudes

TIMES = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its place in the table of magnitudes. `value` stands where five times the default makes no sense."""

    place: str  # "part.name", or "name" of the whole instrument
    named_by: tuple[str, ...]
    value: float | None = None

    def magnitudes(self) -> dict[str, Any]:
        """What `open_microscope(perfect=True, magnitudes=…)` takes."""
        part, _, name = self.place.rpartition(".")
        value = self.value if self.value is not None else TIMES * _default(part, name)
        return {part: {name: value}} if part else {name: value}


def _default(part: str, name: str) -> float:
    return float(getattr(getattr(Magnitudes(), part), name))


_DRIFT = ("drift", "chi square", "unexpected")
_PATTERN = ("fixed pattern",)
_LIT = ("beam off view", "pivot")
_TILT = ("tilt response", "tilt scale", "tilt rotation", "ratio", "unexpected")
_FOCUS = ("focus scale", "ratio", "unexpected", "hysteresis")
_STAGE = ("stage Z", "backlash", "unexpected", "wrong sign", "not arrived")
_AXIS = ("coma-free axis",)

FAULTS: tuple[Fault, ...] = (
    Fault("specimen.film_slope_rad", ("chi square", "specimen tilt", "contrast lost")),
    Fault("specimen.bend_m", ("chi square", "specimen tilt", "contrast lost")),
    Fault("specimen.first_motion_m", _DRIFT),
    Fault("specimen.contamination", ("contrast lost", "false lock")),
    Fault("specimen.ice_thickness_m", ("contrast lost", "false lock", "thickness")),
    Fault("column.a1_m", ("astigmatism", "chi square")),
    Fault("column.tilt_scale", _TILT),
    Fault("column.tilt_rotation_rad", _TILT),
    Fault("column.tilt_cubic", (*_TILT, "ambiguous")),
    Fault("column.tilt_settling_s", ("tilt settling", *_TILT)),
    Fault("column.coma_free_rad", _AXIS),
    Fault("column.rotation_centre_rad", ("rotation centre", "unexpected", "beam off view")),
    Fault("column.pivot_m_per_rad", _LIT),
    Fault("column.aperture_centre_rad", ("aperture", "contrast lost", "contrast reversed")),
    Fault("column.focus_scale", _FOCUS),
    Fault("column.parfocal_m", ("parfocality", "beyond range")),
    Fault("column.hysteresis", ("hysteresis", "unexpected", "ratio")),
    Fault("column.hysteresis_magnification_m", ("hysteresis", "parfocality", "unexpected")),
    Fault("column.image_rotation_rad", _TILT, value=3.14),
    Fault("column.pixel_scale", _TILT),
    Fault("column.far_tilt_scale_per_m", (*_TILT, "far from focus")),
    Fault("column.far_rotation_rad_per_m", (*_TILT, "chi square", "far from focus")),
    Fault("column.far_axis_rad_per_m", (*_AXIS, "far from focus")),
    Fault("column.far_beam_shift_per_m", (*_LIT, "far from focus")),
    Fault("column.illumination_gradient", ("beam off view", "illumination")),
    Fault("stage.backlash_xy_m", _STAGE),
    Fault("stage.backlash_z_m", _STAGE),
    Fault("stage.backlash_alpha_rad", _STAGE),
    Fault("stage.z_scale", _STAGE),
    Fault("stage.runout_per_z", ("runout", "ambiguous", "unexpected")),
    Fault("stage.runout_m_per_rad", ("runout",)),
    Fault("stage.settle_m", _DRIFT),
    Fault("stage.drift_m_per_s", _DRIFT),
    Fault("stage.drift_rest_m_per_s", _DRIFT, value=2e-9),
    Fault("camera.gain_residual", _PATTERN),
    Fault("camera.dark_residual_counts", _PATTERN),
    Fault("camera.read_noise_counts", ("false lock", "dose", "contrast lost")),
    Fault("camera.hot_pixels", _PATTERN),
    Fault("camera.spikes", ("false lock",)),
    Fault("residual.tilt_scale", _TILT),
    Fault("residual.tilt_rotation_rad", _TILT),
    Fault("residual.axis_rad", _AXIS),
    Fault("residual.aperture_centre_rad", ("aperture", "contrast lost")),
    Fault("dropped_writes", ("not arrived",), value=0.05),
)
