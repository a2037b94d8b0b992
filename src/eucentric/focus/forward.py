"""What defocus and all that is not exactly known do to the shifts of a pattern: the forward model of the fit.

Image i, tilted by β_i and taken at t_i, stands at

    p_i = ∇W(β'_i) + v·t_i + ½v'·t_i² + Σ_k m_k·exp(−(t_i − t_0)/τ_k)
    β' = β(1 + s + c|β|²)e^{iρ} + h·β̄ + λ(β_before − β) + β0

and the shift of j relative to i is (p_j − p_i)/(1 + pixel). C1 is free. With a prior each: A1; drift v and how it
changes, v'; the tilts' relative size s, rotation ρ, shear h (the 2×2 of the tilt calibration has four errors) and
cubic term c; the part λ of each step of the tilt that is missing when the image is taken (the first comes from no
tilt); the coma-free axis β0; the relative error of C3; the pixel size; and the motion that decays after the first
exposure at t_0. Its time constant is never known: the prior's variance is shared by τ/2, τ and 2τ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.calibration.instrument import Uncertainty

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

C1_STEP_M = 1e-6  # scale of the free parameter, so that all columns of the design matrix are alike in size
FREE = 1  # number of parameters without a prior: C1
DECAYS = (0.5, 1.0, 2.0)  # time constants of the decaying motion, in units of the prior's


def _groups(*sizes: tuple[str, int]) -> dict[str, slice]:
    ends = FREE + np.cumsum([size for _, size in sizes])
    return {name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes, ends, strict=True)}


GROUPS = _groups(
    ("astigmatism", 2),
    ("drift", 2),
    ("drift change", 2),
    ("first motion", 2 * len(DECAYS)),
    ("tilt scale", 1),
    ("tilt rotation", 1),
    ("tilt shear", 2),
    ("tilt cubic", 1),
    ("tilt settling", 1),
    ("coma-free axis", 2),
    ("Cs", 1),
    ("pixel size", 1),
)
"""Where each group of parameters stands behind C1, by the name that the budget gives it. Vectors (y, x), A1 (a, b)."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The model for given tilts ω (images,), times in s (images,), compared images (links,) and C3 in metres.

    `decay_s` is the prior's time constant of the first motion. Many patterns of as many images are modelled at once
    with tilts (patterns, 1, images) and compared images (patterns, 1, links): their shifts are (patterns, …, 2·links).
    """

    omega: Complex
    times: Array
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    c3_m: float
    decay_s: float

    def shifts(self, values: Array) -> Array:
        """Shifts (…, 2·links) in (y, x), metres, for parameters (…, n) in SI: C1, and `GROUPS` in order."""
        part = {name: values[..., where] for name, where in GROUPS.items()}
        position = self._focused(values[..., :1], part) + self._motion(part)
        difference = (_of(position, self.second) - _of(position, self.first)) / (1 + part["pixel size"])
        both = np.stack([difference.imag, difference.real], axis=-1)  # (…, links, 2)
        return np.asarray(both.reshape(*both.shape[:-2], -1))

    def _focused(self, c1: Array, part: dict[str, Array]) -> Complex:
        """∇W at the true tilts: C1 β + A1 β̄ + C3 |β|² β (aberrations.image_shift, for many lenses at once)."""
        a1 = part["astigmatism"][..., :1] + 1j * part["astigmatism"][..., 1:]
        c3 = self.c3_m * (1 + part["Cs"])
        beta = self._turned(part)
        return np.asarray(c1 * beta + a1 * np.conj(beta) + c3 * np.abs(beta) ** 2 * beta)

    def _turned(self, part: dict[str, Array]) -> Complex:
        """The true tilts about the true axis, (…, images)."""
        size = 1 + part["tilt scale"] + part["tilt cubic"] * np.abs(self.omega) ** 2
        sheared = _yx(part["tilt shear"]) * np.conj(self.omega)
        before = np.concatenate([np.zeros_like(self.omega[..., :1]), self.omega[..., :-1]], axis=-1)
        missing = part["tilt settling"] * (before - self.omega)
        turned = self.omega * size * np.exp(1j * part["tilt rotation"])
        return np.asarray(turned + sheared + missing + _yx(part["coma-free axis"]))

    def _motion(self, part: dict[str, Array]) -> Complex:
        """Drift from the middle of the measurement on, and the rest of the decaying motion, (…, images)."""
        at = self.times - self.times.mean()
        moved = _yx(part["drift"]) * at + 0.5 * _yx(part["drift change"]) * at**2
        since = self.times - self.times.min()
        for number, decay in enumerate(DECAYS):
            first = _yx(part["first motion"][..., 2 * number : 2 * number + 2])
            moved = moved + first * np.exp(-since / (decay * self.decay_s))
        return np.asarray(moved)


def _of(position: Complex, images: NDArray[np.intp]) -> Complex:
    """The positions (…, links) of the given images."""
    wide = np.broadcast_to(images, (*position.shape[:-1], images.shape[-1]))
    return np.asarray(np.take_along_axis(position, wide, axis=-1))


def _yx(vector: Array) -> Complex:
    """(…, 2) in (y, x) as x + iy, (…, 1)."""
    return np.asarray(vector[..., 1:] + 1j * vector[..., :1])


def prior_sigmas(prior: Uncertainty) -> Array:
    """Scale of each parameter: its prior 1σ, and a fixed step for the free C1.

    Where C1 is told in metres that are s true ones, tilts are believed s times too large (only C1·β is seen), and the
    C3 that goes with them is C3/s³.
    """
    motion = prior.first_motion_m / math.sqrt(len(DECAYS))
    of = {
        "astigmatism": prior.a1_m,
        "drift": prior.drift_m_per_s,
        "drift change": prior.drift_change_m_per_s2,
        "first motion": motion,
        "tilt scale": prior.tilt_scale,
        "tilt rotation": prior.tilt_rotation_rad,
        "tilt shear": prior.tilt_shear,
        "tilt cubic": prior.tilt_cubic_per_rad2,
        "tilt settling": prior.tilt_settling,
        "coma-free axis": prior.axis_rad,
        "Cs": math.hypot(prior.c3_relative, 3 * prior.c1_scale),
        "pixel size": prior.pixel_scale,
    }
    scales = [C1_STEP_M]
    for name, where in GROUPS.items():
        scales += [of[name]] * (where.stop - where.start)
    return np.array(scales, dtype=np.float64)
