"""What calibrations measure: one frozen model for each quantity, in SI, each value with its own 1σ.

Vectors are (y, x) in image axes of the preset; instrument tilts and stigmator values are in the instrument's own counts
(rad and −1…1 as the protocol gives them). `defocus` is what the lens is commanded: the ruler of everything that is not
declared otherwise. What one measurement can't separate is named in `tied`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Pair = tuple[float, float]
Matrix = tuple[Pair, Pair]  # [[yy, yx], [xy, xx]]


class Quantity(BaseModel):
    """Frozen, no unknown names, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class TiltResponse(Quantity):
    """Image displacement by beam tilt: d = `matrix`·t·C1 px, t the instrument tilt (y, x), C1 as commanded, at t → 0.

    The amplitude at |t| is (1 + cubic·|t|²) times that. Tied: tilt × focus scale ÷ pixel size.
    """

    kind: Literal["tilt response"] = "tilt response"
    matrix_px_per_rad_m: Matrix
    scale_sigma: float
    """1σ of its amplitude, relative."""
    rotation_sigma_rad: float
    cubic_per_rad2: float = 0.0
    cubic_sigma_per_rad2: float = 0.0
    tilt_rad: float
    """The instrument tilt at which it was measured."""
    defoci_m: tuple[float, ...]
    tied: str = "beam tilt × focus scale ÷ pixel size: focusing sees only their product"


class FocusScale(Quantity):
    """True metres of C1 per commanded metre of lens defocus, against a declared reference."""

    kind: Literal["focus scale"] = "focus scale"
    scale: float
    scale_sigma: float
    reference: Literal["stage Z", "Thon rings"]
    tied: str | None = None


class HeightResponse(Quantity):
    """dC1/dz of the stage at alpha = 0, in commanded metres of lens defocus per metre of stage Z."""

    kind: Literal["stage Z"] = "stage Z"
    c1_per_z: float
    c1_per_z_sigma: float
    tied: str = "stage Z scale ÷ focus scale"


class AlphaResponse(Quantity):
    """Image displacement by stage tilt: d = `px_per_m`·(z − eucentric_z)·(tan α₂ − tan α₁), (y, x) in pixels."""

    kind: Literal["stage alpha"] = "stage alpha"
    px_per_m: Pair
    px_per_m_sigma: float
    eucentric_z_m: float
    """Stage Z at which tilting does not move the image, at the place where it was measured."""
    eucentric_z_sigma_m: float
    axis_rad: float
    """Direction of the tilt axis in the image, from +x towards +y; at α > 0 height grows a quarter turn further on."""
    axis_sigma_rad: float
    tied: str = "sideways motion of the goniometer per tilt ÷ tilt: it looks like a height"


class EucentricFocus(Quantity):
    """Absolute lens setting (protocol `focus_m`) at which a specimen at eucentric height is in focus."""

    kind: Literal["eucentric focus"] = "eucentric focus"
    focus_m: float
    focus_sigma_m: float
    tied: str = "eucentric height × runout of the goniometer: sideways motion per stage tilt looks like a height"


class Parfocality(Quantity):
    """C1 of this preset minus that of the reference preset, at the same lens setting and specimen, metres."""

    kind: Literal["parfocality"] = "parfocality"
    reference: str
    difference_m: float
    difference_sigma_m: float
    tied: str = "focus scale: metres are those that the lens is commanded"


class StigmatorResponse(Quantity):
    """A1 (a, b) in metres per stigmator value (y, x): rows a, b; columns y, x. `a1_m`: what was there at `value`."""

    kind: Literal["stigmator response"] = "stigmator response"
    matrix_m: Matrix
    matrix_sigma_m: float
    a1_m: Pair
    a1_sigma_m: float
    value: Pair
    tied: str = "beam tilt × focus scale ÷ pixel size: metres are those that the lens is commanded"


class ComaFreeAxis(Quantity):
    """Instrument tilt (y, x) about which tilts are symmetric. Where Cs is too small to tell, only `b2_m` is known."""

    kind: Literal["coma-free axis"] = "coma-free axis"
    tilt_rad: Pair
    tilt_sigma_rad: float
    b2_m: Pair
    """(Re, Im) of B2 about instrument tilt 0."""
    b2_sigma_m: float
    tied: str = "beam tilt × focus scale ÷ pixel size: B2 goes by its square, the axis by Cs as believed"


class RotationCentre(Quantity):
    """Instrument tilt (y, x) at which a change of defocus does not move the image."""

    kind: Literal["rotation centre"] = "rotation centre"
    tilt_rad: Pair
    tilt_sigma_rad: float


class PivotPoint(Quantity):
    """How far the lit area moves at the specimen per instrument tilt, metres per radian: d = matrix·t, (y, x)."""

    kind: Literal["pivot point"] = "pivot point"
    matrix_m_per_rad: Matrix
    sigma_m_per_rad: float


class LensHysteresis(Quantity):
    """C1 reached from above minus that reached from below, after excursions of `excursion_m` to either side."""

    kind: Literal["lens hysteresis"] = "lens hysteresis"
    width_m: float
    width_sigma_m: float
    excursion_m: float
    tied: str = "focus scale: metres are those that the lens is commanded"


class StageBacklash(Quantity):
    """True height reached from above minus that reached from below, and the same of alpha (None: not measured)."""

    kind: Literal["stage backlash"] = "stage backlash"
    z_m: float
    z_sigma_m: float
    alpha_rad: float | None = None
    alpha_sigma_rad: float | None = None


class TiltSettling(Quantity):
    """Time constant with which the beam follows its coils, beyond the wait of the set call itself."""

    kind: Literal["tilt settling"] = "tilt settling"
    time_s: float
    time_sigma_s: float
    left_at_return: float
    """Fraction of a tilt step that is still missing when the set call returns."""
    left_sigma: float = 2e-3
    """Its 1σ. The default is for records from before it was kept: of coils with 40 ms after 0.25 s."""


AnyQuantity: TypeAlias = Annotated[
    TiltResponse
    | FocusScale
    | HeightResponse
    | AlphaResponse
    | EucentricFocus
    | Parfocality
    | StigmatorResponse
    | ComaFreeAxis
    | RotationCentre
    | PivotPoint
    | LensHysteresis
    | StageBacklash
    | TiltSettling,
    Field(discriminator="kind"),
]
