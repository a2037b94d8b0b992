"""Pairs of images under tilted beams of a film with a known spectrum: the truth and the Cramér–Rao bound are exact.

Two ways to the image: `linear` (the transfer of a weak object, for which the bound holds exactly) and `wave` (the full
exit wave exp(iφ − κφ), filtered and squared, on half the pixel). The field is larger than the image by the shift and
a margin and is cropped at the end: what leaves the image at one side does not come back at the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from benchmarks.physics import Array, Lens
from benchmarks.texture import Texture, frequencies, random_spectrum, spectrum

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """One setting of microscope, specimen and camera. SI; `tilt_angle_rad` turns from +x to +y.

    `mtf_nyquist` is the camera's response to the signal at its Nyquist frequency (Gaussian in between); its noise is
    white (counting). `absorption` is κ: how much of the phase comes back as damping.
    """

    voltage_v: float = 300e3
    c3_m: float = 2.7e-3
    c1_m: float = -1e-6
    tilt_rad: float = 5e-3
    tilt_angle_rad: float = 0.0
    axis_error_rad: Vector = (0.0, 0.0)
    pixel_m: float = 0.2e-9
    electrons_per_px: float = 10.0
    texture: Texture = Texture.CARBON
    thickness_m: float = 15e-9
    absorption: float = 0.07
    mtf_nyquist: float = 0.4
    size: Vector = (768, 768)
    wave: bool = False

    @property
    def lens(self) -> Lens:
        """The lens of this case."""
        return Lens(voltage_v=self.voltage_v, c3_m=self.c3_m, c1_m=self.c1_m)

    @property
    def direction(self) -> Vector:
        """Unit vector (y, x) of the tilt in the image."""
        return (float(np.sin(self.tilt_angle_rad)), float(np.cos(self.tilt_angle_rad)))

    @property
    def tilts(self) -> tuple[Vector, Vector]:
        """First (−) and second (+) tilt (y, x) from the optical axis, the axis error added to both."""
        (y, x), (ey, ex), t = self.direction, self.axis_error_rad, self.tilt_rad
        return (ey - t * y, ex - t * x), (ey + t * y, ex + t * x)

    @property
    def shift_px(self) -> Vector:
        """Truth: the second image relative to the first, pixels (y, x)."""
        y, x = self.lens.pair_shift(*self.tilts)
        return (y / self.pixel_m, x / self.pixel_m)

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx) of the images."""
        return (int(self.size[0]), int(self.size[1]))

    @property
    def overlap(self) -> float:
        """Common area of the two images as a fraction."""
        return float(np.prod([max(0.0, 1 - abs(s) / n) for s, n in zip(self.shift_px, self.shape, strict=True)]))

    def defocus_of(self, shift_px: Vector) -> float:
        """C1 in metres that a measured shift stands for: d∥/2β − C3β² of a symmetric pair, written directly."""
        along = sum(s * u for s, u in zip(shift_px, self.direction, strict=True)) * self.pixel_m
        return along / (2 * self.tilt_rad) - self.c3_m * self.tilt_rad**2

    def with_size(self, *size: int) -> Case:
        """The same case with another image size (ny, nx)."""
        return replace(self, size=(size[0], size[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two images (ny, nx), float32 counts, and the case that made them."""

    first: Array
    second: Array
    case: Case


def transfer(case: Case, qy: Array, qx: Array, tilt: Vector) -> Array:
    """Image contrast per phase of the object at q, camera included: ∂I = T·Φ.

    A wave 1 + (i − κ)φ gives I = 1 + 2Re(…): sidebands of +q and −q meet at q, the latter conjugated.
    """
    upper, lower = case.lens.sideband(qy, qx, tilt), case.lens.sideband(-qy, -qx, tilt)
    strength = 1j - case.absorption
    return np.asarray((strength * upper + np.conj(strength * lower)) * _camera(case, qy, qx))


def _camera(case: Case, qy: Array, qx: Array) -> Array:
    nyquist = 0.5 / case.pixel_m
    return np.asarray(np.exp(np.log(case.mtf_nyquist) * (qy**2 + qx**2) / nyquist**2))


def _field(case: Case, step: int) -> tuple[int, int]:
    """Size of the periodic field in pixels: image + shift + a quarter, each a multiple of `step` samples."""
    reach = [int(np.ceil(n * 1.25 + abs(s))) for n, s in zip(case.shape, case.shift_px, strict=True)]
    ny, nx = (fft.next_fast_len(-(-r // step), real=True) * step for r in reach)
    return ny, nx


def _linear(case: Case, rng: np.random.Generator) -> tuple[Array, Array]:
    """Noise-free images, mean 1, of a weak object."""
    shape = _field(case, 2)
    qy, qx = frequencies(shape, case.pixel_m)
    density = spectrum(case.texture, np.hypot(qy, qx), thickness_m=case.thickness_m, voltage_v=case.voltage_v)
    phase = random_spectrum(density, shape, case.pixel_m, rng)
    first, second = (
        1 + fft.irfft2(phase * transfer(case, qy, qx, tilt).astype(np.complex64), s=shape, workers=2)
        for tilt in case.tilts
    )
    return first, second


def _wave(case: Case, rng: np.random.Generator) -> tuple[Array, Array]:
    """Noise-free images, mean 1, of the full exit wave exp((i − κ)φ), on half the pixel; then the camera's pixel."""
    shape, half = tuple(2 * n for n in _field(case, 2)), case.pixel_m / 2
    qy, qx = frequencies((shape[0], shape[1]), half)
    density = spectrum(case.texture, np.hypot(qy, qx), thickness_m=case.thickness_m, voltage_v=case.voltage_v)
    # No detail of the object beyond the camera's Nyquist: the square doubles the band, and half the pixel holds that.
    density = np.where(np.hypot(qy, qx) < 0.5 / case.pixel_m, density, 0)
    phase = fft.irfft2(random_spectrum(density, (shape[0], shape[1]), half, rng), s=shape, workers=2)
    exit_wave = fft.fft2(np.exp((1j - case.absorption) * phase).astype(np.complex64), workers=2)
    full_qx = fft.fftfreq(shape[1], half)[None, :]
    images = []
    for tilt in case.tilts:
        arrived = fft.ifft2(exit_wave * case.lens.sideband(qy, full_qx, tilt).astype(np.complex64), workers=2)
        images.append(_to_camera(case, np.abs(arrived) ** 2))
    mean = images[0].mean()
    return images[0] / mean, images[1] / mean


def _to_camera(case: Case, intensity: Array) -> Array:
    """The intensity on half pixels, band-limited to the camera's pixel with its MTF (Fourier crop by 2)."""
    ny, nx = intensity.shape[0] // 2, intensity.shape[1] // 2
    whole = fft.rfft2(intensity, workers=2)
    cut = np.concatenate([whole[: ny // 2], whole[-(ny // 2) :]])[:, : nx // 2 + 1] / 4
    qy, qx = frequencies((ny, nx), case.pixel_m)
    return np.asarray(fft.irfft2(cut * _camera(case, qy, qx), s=(ny, nx), workers=2))


def make_pair(case: Case, rng: np.random.Generator) -> Pair:
    """One pair of the case: a new film and new shot noise."""
    clean = _wave(case, rng) if case.wave else _linear(case, rng)
    ny, nx = case.shape
    top, left = (clean[0].shape[0] - ny) // 2, (clean[0].shape[1] - nx) // 2
    cut = [np.clip(image[top : top + ny, left : left + nx], 0, None) for image in clean]
    noisy = [rng.poisson(image * case.electrons_per_px).astype(np.float32) for image in cut]
    return Pair(noisy[0], noisy[1], case)


@dataclass(frozen=True, slots=True)
class Bound:
    """The Cramér–Rao bound of a case: shift along and across the tilt (px), C1 (m), and how much there is to see.

    `evidence` is ½Σγ² over the full plane: the log-likelihood that the true shift gains over none, in nats.
    """

    along_px: float
    across_px: float
    c1_m: float
    evidence: float
    gamma_max: float


def bound(case: Case) -> Bound:
    """Exact for the linear pair: F = Σ_(full plane) γ²/(1 − γ²) (2πq)(2πq)ᵀ times the overlap; γ from known spectra."""
    qy, qx = frequencies(case.shape, case.pixel_m)
    density = spectrum(case.texture, np.hypot(qy, qx), thickness_m=case.thickness_m, voltage_v=case.voltage_v)
    density = density / case.pixel_m**2  # per pixel
    one, two = (density * np.abs(transfer(case, qy, qx, tilt)) ** 2 for tilt in case.tilts)
    noise = 1 / case.electrons_per_px
    square = one * two / ((one + noise) * (two + noise))
    plane = np.where((qx > 0) & (qx < qx.max()), 2.0, 1.0) * case.overlap
    weight = plane * square / (1 - square) * (2 * np.pi * case.pixel_m) ** 2
    uy, ux = case.direction
    turned = (qy * uy + qx * ux, -qy * ux + qx * uy)
    fisher = np.array([[float((weight * a * b).sum()) for a in turned] for b in turned])
    along, across = np.sqrt(np.diag(np.linalg.inv(fisher)))
    return Bound(
        along_px=float(along),
        across_px=float(across),
        c1_m=float(along * case.pixel_m / (2 * case.tilt_rad)),
        evidence=float((plane * square).sum() / 2),
        gamma_max=float(np.sqrt(square.max())),
    )
