"""How well a pair of images can tell its shift and defocus: coherence, Fisher information, Cramér–Rao bound.

Conventions. Frequencies q = (qy, qx) in cycles per pixel on the *full* FFT plane of the image (numpy.fft.fftfreq of
both sides), so that the sums count every mode of an image of that size. A power is |FFT|²/(number of pixels): white
noise of variance s² has power s². Two images I₁ = V·T₁ + n₁, I₂ = V·T₂·e^{−2πi q·s} + n₂ have the coherence

    γ = |T₁||T₂|P / sqrt((|T₁|²P + N₁)(|T₂|²P + N₂))

and, being circular Gaussian in each mode, tell of the phase between them 2γ²/(1−γ²) per *independent* mode (each
counts twice in the full plane), whether or not P and N are known beforehand:

    F = Σ_full plane γ²/(1−γ²) (2πq)(2πq)ᵀ   in 1/px²;   covariance of s ≥ F⁻¹

`shift` is in pixels. The bound is that of periodic images; a real pair has only its overlap, less what tapers take.
Carter, IEEE Trans. ASSP 29 (1981) 463-470 (delay estimation); Cramér–Rao: any text on estimation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eucentric.errors import InputError
from eucentric.optics.aberrations import Tilt, direction
from eucentric.optics.detector import Detector
from eucentric.optics.object_spectrum import ObjectSpectrum
from eucentric.optics.tilt_shift import shift_between
from eucentric.optics.transfer import TiltedPair, tilted_transfer

Frequencies = NDArray[np.float64]

# Larger planes are sampled with this many frequencies a side: the bound is a sum over many Thon rings, not a detail.
_SAMPLES = 512


@dataclass(frozen=True, slots=True)
class PairExposure:
    """A pair as it is to be taken: tilts, optics, (binned) pixel in metres, dose of *each* image, specimen, camera."""

    pair: TiltedPair
    pixel_m: float
    dose_e_per_m2: float
    spectrum: ObjectSpectrum
    detector: Detector = field(default_factory=Detector)

    @property
    def electrons_per_pixel(self) -> float:
        """Electrons on each (binned) pixel, before the detector loses any."""
        return self.dose_e_per_m2 * self.pixel_m**2


def frequency_plane(shape: tuple[int, int]) -> tuple[Frequencies, Frequencies]:
    """(qy (ny, 1), qx (1, nx)) of the full FFT plane, cycles per pixel."""
    rows = np.asarray(np.fft.fftfreq(shape[0]), dtype=np.float64)
    columns = np.asarray(np.fft.fftfreq(shape[1]), dtype=np.float64)
    return rows[:, None], columns[None, :]


def pair_coherence(
    signal_power: ArrayLike,
    transfer_1: ArrayLike,
    transfer_2: ArrayLike,
    noise_power: ArrayLike,
    noise_power_2: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """γ (0 to 1) of two images of one object, from exact powers; arguments broadcast.

    `signal_power` is that of the object, P; the transfers act on it; `noise_power` is that of the first image and,
    unless `noise_power_2` is given, of the second.
    """
    power = np.asarray(signal_power, dtype=np.float64)
    first, second = np.abs(np.asarray(transfer_1)), np.abs(np.asarray(transfer_2))
    noise_1 = np.asarray(noise_power, dtype=np.float64)
    noise_2 = noise_1 if noise_power_2 is None else np.asarray(noise_power_2, dtype=np.float64)
    total = (first**2 * power + noise_1) * (second**2 * power + noise_2)
    shared = first * second * power
    return np.asarray(np.divide(shared, np.sqrt(total), out=np.zeros(np.shape(total)), where=total > 0))


def depth_coherence(
    qy: Frequencies, qx: Frequencies, separation: Tilt, *, thickness_m: float, pixel_m: float
) -> NDArray[np.float64]:
    """|sinc(t·q·Δβ)|: what two directions of view, Δβ = `separation` (y, x) apart, share of a specimen t thick.

    q·Δβ·t is how many periods of q top and bottom slide against each other; sinc(x) = sin(πx)/πx. For a ±β pair it
    is sinc(2βt·q∥). The depth of focus, λq²t ≪ 1, is not in it. `qy`, `qx` in cycles per pixel.
    """
    periods = (np.asarray(qy) * separation[0] + np.asarray(qx) * separation[1]) * thickness_m / pixel_m
    return np.asarray(np.abs(np.sinc(periods)))


def predicted_coherence(qy: Frequencies, qx: Frequencies, exposure: PairExposure) -> NDArray[np.float64]:
    """γ that a pair will have at frequencies in cycles per pixel (broadcast): specimen, optics, dose, camera, depth.

    The images are weak: noise is that of the mean dose, and what is scattered away or inelastically is not counted.
    """
    pair, pixel = exposure.pair, exposure.pixel_m
    qx_m, qy_m = np.asarray(qx) / pixel, np.asarray(qy) / pixel
    seen = exposure.detector.signal_transfer(qy, qx) ** 2
    power = exposure.spectrum.density(np.hypot(qx_m, qy_m)) / pixel**2 * seen
    noise = exposure.detector.noise_power(qy, qx, exposure.electrons_per_pixel)
    first, second = (tilted_transfer(qx_m, qy_m, t, pair.lens, pair.column) for t in (pair.first, pair.second))
    apart = (pair.second[0] - pair.first[0], pair.second[1] - pair.first[1])
    depth = depth_coherence(qy, qx, apart, thickness_m=exposure.spectrum.thickness_m, pixel_m=pixel)
    return pair_coherence(power, first, second, noise) * depth


def shift_information(gamma: ArrayLike, qy: ArrayLike, qx: ArrayLike) -> NDArray[np.float64]:
    """F (2, 2) in (y, x), 1/px²: Σ γ²/(1−γ²)(2πq)(2πq)ᵀ over the modes given (a full plane: see the module).

    At exactly half a cycle per pixel +q and −q are the same mode and no shift can be told: those are left out.
    Raises InputError when a coherence is not in 0 ≤ γ < 1.
    """
    g = np.asarray(gamma, dtype=np.float64)
    if not np.all((g >= 0) & (g < 1)):
        raise InputError("A coherence is not between 0 and 1 (1 excluded): images without noise tell everything.")
    y, x, g = np.broadcast_arrays(np.asarray(qy, dtype=np.float64), np.asarray(qx, dtype=np.float64), g)
    told = np.where((np.abs(y) < 0.5) & (np.abs(x) < 0.5), g**2 / (1 - g**2), 0.0) * (2 * np.pi) ** 2
    yy, xy, xx = float(np.sum(told * y * y)), float(np.sum(told * x * y)), float(np.sum(told * x * x))
    return np.array([[yy, xy], [xy, xx]])


def shift_covariance_px2(gamma: ArrayLike, qy: ArrayLike, qx: ArrayLike) -> NDArray[np.float64]:
    """The Cramér–Rao bound of the shift: covariance (2, 2) in (y, x), px². Arguments as for `shift_information`.

    Raises InputError when the coherence does not fix both components of the shift.
    """
    return _inverse(shift_information(gamma, qy, qx))


def predicted_shift_covariance_px2(exposure: PairExposure, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The bound for a pair of `shape` (ny, nx) pixels that is still to be taken; only its overlap informs.

    Raises InputError when the images do not overlap or nothing in them is coherent.
    """
    pair = exposure.pair
    moved = np.abs(shift_between(pair.first, pair.second, pair.lens)) / exposure.pixel_m
    common = np.maximum(np.asarray(shape) - moved, 0.0)
    if not np.all(common > 0):
        raise InputError(
            f"The tilted images move apart by ({moved[0]:.0f}, {moved[1]:.0f}) pixels (y, x), more than their size "
            f"{shape[0]} × {shape[1]}. Use a smaller tilt or larger pixels."
        )
    sampled = (min(shape[0], _SAMPLES), min(shape[1], _SAMPLES))
    qy, qx = frequency_plane(sampled)
    modes = float(common[0] * common[1]) / (sampled[0] * sampled[1])
    return _inverse(modes * shift_information(predicted_coherence(qy, qx, exposure), qy, qx))


def defocus_sigma_m(covariance_px2: ArrayLike, first: Tilt, second: Tilt, *, pixel_m: float) -> float:
    """1σ of C1 in metres from the covariance (2, 2) (y, x) of the shift in pixels, all other coefficients known.

    C1 is the shift along β₂ − β₁ divided by |β₂ − β₁|; what the shift across says is not used, as drift and
    astigmatism are in it too. Raises InputError when the two tilts are the same.
    """
    apart = direction(second) - direction(first)
    if apart == 0:
        raise InputError("Both images have the same beam tilt: their shift does not show defocus. Give two tilts.")
    along = np.array([apart.imag, apart.real]) / abs(apart)
    return float(np.sqrt(along @ np.asarray(covariance_px2) @ along)) * pixel_m / abs(apart)


def predicted_defocus_sigma_m(exposure: PairExposure, shape: tuple[int, int]) -> float:
    """The Cramér–Rao bound of defocus, metres (1σ), for a pair of `shape` (ny, nx) that is still to be taken."""
    covariance = predicted_shift_covariance_px2(exposure, shape)
    return defocus_sigma_m(covariance, exposure.pair.first, exposure.pair.second, pixel_m=exposure.pixel_m)


def _inverse(information: NDArray[np.float64]) -> NDArray[np.float64]:
    trace = float(np.trace(information))
    if not float(np.linalg.det(information)) > 1e-12 * trace**2:
        raise InputError(
            "The coherence does not fix the shift: it is zero everywhere, or lies along one line of frequencies. "
            "Use more dose, more defocus, or a specimen with more contrast."
        )
    return np.asarray(np.linalg.inv(information))
