"""From exit wave to image: tilted coherent imaging with an aperture, partial coherence by envelopes.

    image = |IFFT[ Ψ(q) · A(β+λq) · E(q) · exp(−i(χ(β+λq) − χ(β) − 2π q·d₀)) ]|²

β is the true tilt from the coma-free axis, A the objective aperture. The image displacement d = ∇W(β) is part of χ; its
whole pixels d₀ are taken by cutting the field elsewhere, so large shifts need no padding and nothing wraps around.

Approximations: the envelopes of convergence and focal spread act on the wave (exact for the interference with the
unscattered beam, too strong for the term |ψ_scattered|²); the wave is sampled at the image's pixel, so the part of that
second-order term beyond the Nyquist frequency folds back; the specimen is one thin layer at its mid-plane, or a few
slices with Fresnel propagation of the tilted beam between them (multislice), which also shears them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from eucentric.microscope.simulated.column import Optics
from eucentric.microscope.simulated.exit_wave import Field
from eucentric.microscope.simulated.threads import THREADS
from eucentric.optics.aberrations import Aberrations, about_axis, image_shift
from eucentric.optics.electron import wavelength_m

Float = NDArray[np.float32]
Wave = NDArray[np.complex64]
_BLOCK = 64  # rows
_PAD_WIDTHS = 2.5  # in units of λ/(πα): rays displaced further are damped by exp(−6)
_LEAST_MARGIN = 16  # pixels: the interpolation of fractions of a pixel
_PLANE_STEP_PX = 0.5  # two focus planes may differ by so much displacement …
_PLANE_STEP_RAD = 0.7  # … or phase at half the Nyquist frequency
_MOST_PLANES = 48
_DARK = np.float32(60)  # exp(−60) is nothing, and still no denormal number, which processors are slow with


@dataclass(frozen=True, slots=True)
class Window:
    """Where the field is cut: displacement in whole pixels (x + iy), and the margin that the lens' blur needs."""

    whole_px: complex
    margin: int

    @staticmethod
    def of(optics: Optics, c1_m: float, size: tuple[int, int], *, slope: float = 0.0) -> Window:
        """The cut that puts the image's middle right for defocus `c1_m` (lens and height), `slope` the height's."""
        moved = complex(image_shift(optics.tilt, optics.lens.with_defocus(c1_m))) / optics.pixel_m
        wavelength = wavelength_m(optics.voltage_v)
        by_source = _PAD_WIDTHS * wavelength / (np.pi * optics.convergence_rad)
        # No ray that the pixels can show is displaced further than this: the corner of the spectrum.
        theta = wavelength * np.sqrt(0.5) / optics.pixel_m
        seen = about_axis(optics.lens.with_defocus(c1_m), optics.tilt)
        twofold, coma = float(np.hypot(*seen.a1_m)), float(np.hypot(*seen.b2_m))
        by_lens = (abs(seen.c1_m) + twofold) * theta + 3 * coma * theta**2 + abs(seen.c3_m) * theta**3
        by_height = 0.5 * max(size) * abs(slope * optics.tilt)  # pixels that the edges are displaced more
        margin = _LEAST_MARGIN + int(min(by_source, by_lens) / optics.pixel_m) + int(by_height)
        return Window(complex(round(moved.real), round(moved.imag)), _even_margin(size, margin))


def _even_margin(size: tuple[int, int], margin: int) -> int:
    """The margin that makes the longer side a length that FFTs like."""
    return int(fft.next_fast_len(max(size) + 2 * margin) - max(size) + 1) // 2


def form_image(field: Field, optics: Optics, height_m: Float, rest_px: complex, window: Window) -> Float:
    """Intensity (1 in vacuum) of the field without its margin.

    `field` (ny + 2·margin, nx + 2·margin) is cut at the place displaced by −window.whole_px; `height_m` (ny, nx) is the
    height of the specimen's mid-plane at each image point; `rest_px` a further displacement in pixels (x + iy).
    """
    spectrum = _through(field, optics)
    # The wave leaves at the middle of the last slice, that much below the mid-plane.
    height_m = height_m - np.float32(0.5 * field.thickness_m * (1 - 1 / len(field.slices)))
    planes = _planes(optics, height_m)
    if len(planes) == 1:
        return _plane(spectrum, optics, float(planes[0]), rest_px, window)
    at = (height_m - planes[0]) / (planes[1] - planes[0])
    image = np.zeros(height_m.shape, dtype=np.float32)
    for k, height in enumerate(planes):
        weight = np.clip(1 - np.abs(at - k), 0, 1).astype(np.float32)
        if weight.any():
            image += weight * _plane(spectrum, optics, float(height), rest_px, window)
    return image


def _through(field: Field, optics: Optics) -> Wave:
    """Spectrum of the wave behind the last slice. A plane higher by Δ is one more overfocused by Δ: so the tilted beam
    is propagated from slice to slice by the transfer of an ideal lens with C1 = Δ."""
    spectrum = field.spectrum
    if len(field.slices) == 1:
        return spectrum
    step = field.thickness_m / len(field.slices)
    free = replace(optics, lens=Aberrations(), convergence_rad=0.0, focal_spread_m=0.0, aperture_rad=None)
    between = transfer(spectrum.shape, free, step, step * optics.tilt / optics.pixel_m)
    for lower in field.slices[1:]:
        wave = fft.ifft2(spectrum * between, workers=THREADS)
        spectrum = fft.fft2(wave * lower, workers=THREADS)
    return spectrum


def _planes(optics: Optics, height_m: Float) -> NDArray[np.float64]:
    """Heights to compute and blend, so close that neighbouring images hardly differ."""
    low, high = float(height_m.min()), float(height_m.max())
    middle_q = 0.25 / optics.pixel_m
    by_phase = _PLANE_STEP_RAD / (np.pi * wavelength_m(optics.voltage_v) * middle_q**2)
    by_shift = _PLANE_STEP_PX * optics.pixel_m / max(abs(optics.tilt), 1e-6)
    count = int(np.ceil((high - low) / min(by_phase, by_shift)))
    if count <= 1:
        return np.array([0.5 * (low + high)])
    return np.linspace(low, high, min(count + 1, _MOST_PLANES))


def _plane(spectrum: Wave, optics: Optics, height_m: float, rest_px: complex, window: Window) -> Float:
    c1 = optics.lens.c1_m + height_m
    moved = complex(image_shift(optics.tilt, optics.lens.with_defocus(c1))) / optics.pixel_m
    filtered = spectrum * transfer(spectrum.shape, optics, c1, moved - window.whole_px + rest_px)
    wave = fft.ifft2(filtered, overwrite_x=True, workers=THREADS)
    inner = wave[window.margin : -window.margin, window.margin : -window.margin]
    return np.asarray(inner.real**2 + inner.imag**2)


def transfer(shape: tuple[int, ...], optics: Optics, c1_m: float, displacement_px: complex) -> Wave:
    """A(β+λq)·E(q)·exp(−i(χ(β+λq) − χ(β) − 2π q·∇W(β)) − 2πi q·displacement), (ny, nx) in FFT order.

    Computed in blocks of rows that stay in the processor's cache.
    """
    wavelength = wavelength_m(optics.voltage_v)
    seen = about_axis(optics.lens.with_defocus(c1_m), optics.tilt)
    fy, fx = (fft.fftfreq(n).astype(np.float32) for n in shape)
    out = np.empty((shape[0], shape[1]), dtype=np.complex64)
    scale = np.float32(wavelength / optics.pixel_m)

    def block(start: int) -> None:
        rows = slice(start, start + _BLOCK)
        y, x = fy[rows, None] * scale, fx[None] * scale
        chi = np.float32(2 * np.pi / wavelength) * _aberration(y, x, seen)
        chi += np.float32(2 * np.pi * displacement_px.real) * fx
        chi += np.float32(2 * np.pi * displacement_px.imag) * fy[rows, None]
        amplitude = _amplitude(y, x, seen, optics)
        np.multiply(amplitude, np.cos(chi), out=out[rows].real)
        np.multiply(amplitude, -np.sin(chi), out=out[rows].imag)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(block, range(0, shape[0], _BLOCK)))
    return out


def _aberration(y: Float, x: Float, seen: Aberrations) -> Float:
    """W(β+θ) − W(β) − ∇W(β)·θ, θ = (y, x), with the coefficients `seen` from the tilted beam, single precision.

    The linear part, the only large one, is not in it: it is the image's displacement.
    """
    (a, b), (p, q) = ((np.float32(u), np.float32(v)) for u, v in (seen.a1_m, seen.b2_m))
    square = x * x + y * y
    c1, c3 = np.float32(0.5 * seen.c1_m), np.float32(0.25 * seen.c3_m)
    return np.asarray(square * (c1 + c3 * square + p * x - q * y) + (0.5 * a) * (x * x - y * y) + b * (x * y))


def _amplitude(y: Float, x: Float, seen: Aberrations, optics: Optics) -> Float:
    """Aperture and envelopes: exp[−(πα/λ)²|∇W(β+θ) − ∇W(β)|²] · exp[−½(πΔ/λ)²(|β+θ|² − β²)²]."""
    wavelength = wavelength_m(optics.voltage_v)
    (a, b), (p, q) = ((np.float32(u), np.float32(v)) for u, v in (seen.a1_m, seen.b2_m))
    square, x2_y2, xy = x * x + y * y, x * x - y * y, x * y
    # The gradient C1 θ + A1 θ̄ + B2 θ² + 2 B̄2 |θ|² + C3 |θ|² θ, in components.
    common = np.float32(seen.c1_m) + np.float32(seen.c3_m) * square
    grad_x = common * x + (a * x + b * y) + p * (x2_y2 + 2 * square) - (2 * q) * xy
    grad_y = common * y + (b * x - a * y) + (2 * p) * xy + q * (x2_y2 - 2 * square)
    spread = square + np.float32(2 * optics.tilt.real) * x + np.float32(2 * optics.tilt.imag) * y
    by_source = np.float32((np.pi * optics.convergence_rad / wavelength) ** 2)
    by_focus = np.float32(0.5 * (np.pi * optics.focal_spread_m / wavelength) ** 2)
    damping = by_source * (grad_x * grad_x + grad_y * grad_y) + by_focus * (spread * spread)
    amplitude = np.exp(-np.minimum(damping, _DARK, out=damping))
    if optics.aperture_rad is not None:
        off = optics.tilt - optics.aperture_centre
        away = square + np.float32(2 * off.real) * x + np.float32(2 * off.imag) * y
        amplitude *= away < np.float32(optics.aperture_rad**2 - abs(off) ** 2)
    return np.asarray(amplitude)


def illumination(optics: Optics, shape: tuple[int, int], edge_m: float) -> Float:
    """Relative intensity of the beam at each image point: a lit disc with a soft edge and a gradient.

    The beam's outline is projected into the image as it is; its Fresnel fringes are left out.
    """
    y = ((np.arange(shape[0]) - shape[0] // 2) * optics.pixel_m - optics.lit_centre_m.imag).astype(np.float32)[:, None]
    x = ((np.arange(shape[1]) - shape[1] // 2) * optics.pixel_m - optics.lit_centre_m.real).astype(np.float32)[None]
    radius = np.sqrt(x * x + y * y)
    lit = np.clip((optics.lit_radius_m - radius) / np.float32(edge_m) + 0.5, 0, 1)
    slope = 1 + (np.float32(optics.gradient.real) * x + np.float32(optics.gradient.imag) * y) / optics.lit_radius_m
    return np.asarray(lit * slope, dtype=np.float32)
