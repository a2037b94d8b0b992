"""What fools correlators, made with nothing in common that a shift could tell, or with a known shift beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tests.correlation.pairs import Array, Pair, exposed, middle, moved, texture

Two = tuple[NDArray[np.float32], NDArray[np.float32]]


def blank(seed: int, shape: tuple[int, int] = (256, 256), dose: float = 20.0) -> Two:
    """Shot noise alone."""
    rng = np.random.default_rng(seed)
    return exposed(rng, 1.0, dose, shape), exposed(rng, 1.0, dose, shape)


def unrelated(seed: int, shape: tuple[int, int] = (256, 256)) -> Two:
    """Two areas of the same kind of film."""
    rng = np.random.default_rng(seed)
    fields = (texture(rng, shape), texture(rng, shape))
    return exposed(rng, 1 + 0.1 * fields[0], 50, shape), exposed(rng, 1 + 0.1 * fields[1], 50, shape)


def gain(rng: np.random.Generator, shape: tuple[int, int], rms: float = 0.02) -> Array:
    """What a gain reference leaves over: white, the same in every image."""
    return np.asarray(1 + rms * rng.standard_normal(shape))


def pattern_only(seed: int, shape: tuple[int, int] = (256, 256)) -> Two:
    """No specimen, 200 electrons per pixel, a gain residual of 2 %: coherence 200·0.02² = 0.08 at every frequency."""
    rng = np.random.default_rng(seed)
    camera = gain(rng, shape).astype(np.float32)
    return exposed(rng, 1.0, 200, shape) * camera, exposed(rng, 1.0, 200, shape) * camera


def beam_edge(seed: int, shape: tuple[int, int] = (256, 256)) -> Two:
    """The edge of the beam at the same place in both images, nothing in the light."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 0.5 - 0.5 * np.tanh((np.hypot(y - 90, x - 100) - 120) / 4)
    return exposed(rng, light + 1e-3, 20, shape), exposed(rng, light + 1e-3, 20, shape)


def gradients(seed: int, shape: tuple[int, int] = (256, 256)) -> Two:
    """The same uneven illumination, 30 %."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : 1j * shape[0], -1 : 1 : 1j * shape[1]]
    light = 1 + 0.2 * y - 0.1 * x - 0.15 * (x**2 + y**2)
    return exposed(rng, light, 40, shape), exposed(rng, light, 40, shape)


def hot_pixels(seed: int, shape: tuple[int, int] = (256, 256)) -> Two:
    """Forty hot pixels at the same places, on nothing."""
    one, two = blank(seed, shape)
    rng = np.random.default_rng(seed + 1000)
    at = (rng.integers(0, shape[0], 40), rng.integers(0, shape[1], 40))
    heat = rng.uniform(100, 2000, 40).astype(np.float32)
    one[at] += heat
    two[at] += heat
    return one, two


def x_rays(seed: int, shape: tuple[int, int] = (256, 256)) -> Two:
    """Spikes at other places in each image, on nothing."""
    images = blank(seed, shape)
    rng = np.random.default_rng(seed + 2000)
    for image in images:
        image[rng.integers(0, shape[0], 30), rng.integers(0, shape[1], 30)] += rng.uniform(200, 20000, 30)
    return images


def with_camera(pair: Pair, seed: int, rms: float = 0.02) -> Pair:
    """The pair as seen by a camera whose gain residual is the same in both."""
    camera = gain(np.random.default_rng(seed), (pair.reference.shape[0], pair.reference.shape[1]), rms).astype(
        np.float32
    )
    return Pair(pair.reference * camera, pair.moving * camera, pair.shift_px)


def holes(
    seed: int, shift_px: tuple[float, float], *, pitch_px: float = 40.0, film_rms: float = 0.0, dose: float = 30.0
) -> Pair:
    """A regular holey film, holes a fifth brighter; `film_rms` is the film's own texture: it tells cells apart."""
    shape = (256, 256)
    rng = np.random.default_rng(seed)
    size = (round(13 * pitch_px), round(13 * pitch_px))  # whole periods: nothing breaks where the field wraps
    y, x = np.mgrid[: size[0], : size[1]]
    off = (np.mod(y, pitch_px) - pitch_px / 2, np.mod(x, pitch_px) - pitch_px / 2)
    hole = 0.5 - 0.5 * np.tanh((np.hypot(*off) - 0.3 * pitch_px) / 1.5)
    field = 1 + 0.2 * hole + film_rms * texture(rng, size) * (1 - hole)
    one, two = middle(field, shape), middle(moved(field, shift_px), shape)
    return Pair(exposed(rng, one, dose, shape), exposed(rng, two, dose, shape), shift_px)


@dataclass(frozen=True, slots=True)
class Lens:
    """Constants of the linear image of DESIGN.md section 2, written apart from the code that is tested."""

    wavelength_m: float = 2.5079e-12  # 200 kV
    c3_m: float = 2.7e-3
    c1_m: float = -1e-6
    tilt_rad: tuple[float, float] = (0.0, 10e-3)  # (y, x); the pair is −tilt, +tilt
    pixel_m: float = 0.3e-9

    def path(self, y: Array | float, x: Array | float) -> Array:
        """W(θ) = ½C1θ² + ¼C3θ⁴."""
        square = np.asarray(np.square(y) + np.square(x))
        return np.asarray(0.5 * self.c1_m * square + 0.25 * self.c3_m * square**2)

    @property
    def shift_px(self) -> tuple[float, float]:
        """2(C1 β + C3|β|²β) in pixels."""
        by, bx = self.tilt_rad
        length = 2 * (self.c1_m + self.c3_m * (by**2 + bx**2)) / self.pixel_m
        return (length * by, length * bx)


def tilted_pair(seed: int, lens: Lens, *, size: int = 320, dose: float = 100.0, rms: float = 0.1) -> Pair:
    """A weak white object seen at −tilt and +tilt: I = V·T, T = i[e^{−i(χ(β+θ)−χ(β))} − e^{+i(χ(β−θ)−χ(β))}], with an
    envelope e^{−θ²/θ0²} that ends well before the Nyquist frequency, and Poisson noise of its own in each.

    `rms` is the contrast of an image. Cut from a twice larger field: nothing wraps in view.
    """
    rng = np.random.default_rng(seed)
    n = 2 * size
    qy, qx = fft.fftfreq(n)[:, None], fft.rfftfreq(n)[None]
    theta = lens.wavelength_m / lens.pixel_m
    y, x = qy * theta, qx * theta
    spectrum = fft.rfft2(rng.standard_normal((n, n))) * np.exp(-(qy**2 + qx**2) / 0.25**2)
    fields = []
    for sign in (-1, 1):
        by, bx = sign * lens.tilt_rad[0], sign * lens.tilt_rad[1]
        chi = 2 * np.pi / lens.wavelength_m
        plus = chi * (lens.path(by + y, bx + x) - lens.path(by, bx))
        minus = chi * (lens.path(by - y, bx - x) - lens.path(by, bx))
        fields.append(fft.irfft2(spectrum * 1j * (np.exp(-1j * plus) - np.exp(1j * minus)), s=(n, n)))
    scale = rms / fields[0].std()
    one, two = (middle(1 + scale * f, (size, size)) for f in fields)
    return Pair(exposed(rng, one, dose, (size, size)), exposed(rng, two, dose, (size, size)), lens.shift_px)
