"""Every fault of DESIGN.md section 2 alone, at five times its default: which they are, and what names them rightly.

A fault's `named_by` are the reasons of a refusal (focus/verdict.Reason), the errors, or the lines of `eucentric check`
that tell an operator the true cause: written down before the first run, and made stricter (no "unexpected") after it.
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
    sequence: str = "Z Focus, then Focus"

    @property
    def of_calibration(self) -> bool:
        """Whether what is wrong is the calibration, and not the instrument."""
        return self.place.startswith("residual.")

    def magnitudes(self) -> dict[str, Any]:
        """What `open_microscope(perfect=True, magnitudes=…)` takes."""
        part, _, name = self.place.rpartition(".")
        value = self.value if self.value is not None else TIMES * _default(part, name)
        with_it = {"column": {"aperture_rad": 25e-3}} if "aperture" in name else {}
        if not part:
            return {name: value}
        return {**with_it, part: {**with_it.get(part, {}), name: value}}


def _default(part: str, name: str) -> float:
    return float(getattr(getattr(Magnitudes(), part), name))


_DRIFT = ("drift", "chi square")
_PATTERN = ("fixed pattern",)
_LIT = ("beam off view", "pivot")
_TILT = ("tilt response", "tilt rotation", "ratio", "wrong sign")
_FOCUS = ("focus scale", "ratio")
_STAGE = ("stage Z", "backlash", "wrong sign")
_AXIS = ("coma-free axis",)
_BY_STAGE = "Z Focus (stage tilt)"

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
    Fault("column.rotation_centre_rad", ("rotation centre", "beam off view")),
    Fault("column.pivot_m_per_rad", _LIT),
    Fault("column.aperture_centre_rad", ("aperture", "contrast lost", "contrast reversed")),
    Fault("column.focus_scale", _FOCUS),
    Fault("column.parfocal_m", ("parfocality", "beyond range")),
    Fault("column.hysteresis", ("hysteresis",)),
    Fault("column.hysteresis_magnification_m", ("hysteresis", "parfocality")),
    Fault("column.image_rotation_rad", _TILT, value=3.14),
    Fault("column.pixel_scale", _TILT),
    Fault("column.far_tilt_scale_per_m", (*_TILT, "far from focus")),
    Fault("column.far_rotation_rad_per_m", (*_TILT, "chi square", "far from focus")),
    Fault("column.far_axis_rad_per_m", (*_AXIS, "far from focus")),
    Fault("column.far_beam_shift_per_m", (*_LIT, "far from focus")),
    Fault("column.illumination_gradient", ("beam off view", "illumination")),
    Fault("stage.backlash_xy_m", _STAGE),
    Fault("stage.backlash_z_m", _STAGE),
    Fault("stage.backlash_alpha_rad", (*_STAGE, "halves disagree"), sequence=_BY_STAGE),
    Fault("stage.z_scale", _STAGE),
    Fault("stage.runout_per_z", ("runout", "ambiguous")),
    Fault("stage.runout_m_per_rad", ("runout", "halves disagree"), sequence=_BY_STAGE),
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
