"""Images that fool correlators: blank, the camera's own pattern, beam edges, holey films, real micrographs.

Each scene gives two images with nothing in common that a shift could tell; `film_pair` has a true shift on request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft, ndimage

from benchmarks import micrographs
from benchmarks.physics import Array
from benchmarks.texture import Texture
from benchmarks.weak_phase import Case, make_pair

Two = tuple[Array, Array]
Scene = Callable[[np.random.Generator, int], Two]


def _log(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _exposed(rng: np.random.Generator, mean: Array | float, dose: float, size: int) -> Array:
    light = np.broadcast_to(np.asarray(mean, dtype=float), (size, size))
    return np.asarray(rng.poisson(np.clip(light, 0, None) * dose), dtype=np.float32)


def coloured(rng: np.random.Generator, shape: tuple[int, int], exponent: float, low_px: float) -> Array:
    """Gaussian field, unit rms, spectrum ∝ (1 + (q·low_px)²)^−exponent, periodic."""
    qy, qx = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None]
    gain = (1 + (qy**2 + qx**2) * low_px**2) ** (-exponent / 2)
    field = fft.irfft2(fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * gain.astype(np.float32), s=shape)
    return np.asarray(field / field.std())


def blank(rng: np.random.Generator, size: int) -> Two:
    """Shot noise alone."""
    dose = _log(rng, 0.2, 90)
    return _exposed(rng, 1.0, dose, size), _exposed(rng, 1.0, dose, size)


def gradient(rng: np.random.Generator, size: int) -> Two:
    """The same uneven illumination on both: a tilted plane and a bulge of up to 30 %."""
    y, x = np.mgrid[-1 : 1 : 1j * size, -1 : 1 : 1j * size]
    light = 1 + 0.3 * (rng.uniform(-1, 1) * y + rng.uniform(-1, 1) * x - rng.uniform(0, 1) * (y**2 + x**2) / 2)
    dose = _log(rng, 1, 90)
    return _exposed(rng, light, dose, size), _exposed(rng, light, dose, size)


@dataclass(frozen=True, slots=True, eq=False)
class CameraPattern:
    """What the camera adds to every image at the same place: gain left over, hot pixels, dead columns."""

    gain: Array
    hot: Array
    dead: Array

    def seen(self, image: Array) -> Array:
        """The image with the pattern."""
        out = image * self.gain + self.hot
        out[:, self.dead] = 0
        return np.asarray(out, dtype=np.float32)


def camera_pattern(rng: np.random.Generator, size: int, dose: float, *, harsh: bool = True) -> CameraPattern:
    """Gain residual of 0.5 to 2 % rms (white, up to half in columns), hot pixels, now and then a dead column."""
    rms = rng.uniform(0.005, 0.02)
    white, column = rng.standard_normal((size, size)), rng.standard_normal(size)[None]
    mix = rng.uniform(0, 0.5)
    gain = 1 + rms * (np.sqrt(1 - mix) * white + np.sqrt(mix) * column)
    hot = np.zeros((size, size))
    if harsh:
        n = int(rng.integers(0, 40))
        hot[rng.integers(0, size, n), rng.integers(0, size, n)] = dose * rng.uniform(2, 50, n)
    dead = rng.integers(0, size, int(rng.integers(0, 3)) if harsh else 0)
    return CameraPattern(gain, hot, dead)


def pattern_only(rng: np.random.Generator, size: int) -> Two:
    """Blank, seen by a camera with a pattern."""
    dose = _log(rng, 2, 200)
    camera = camera_pattern(rng, size, dose)
    return camera.seen(_exposed(rng, 1.0, dose, size)), camera.seen(_exposed(rng, 1.0, dose, size))


def spikes(rng: np.random.Generator, size: int) -> Two:
    """Blank with x-ray spikes, at other places in each image."""
    dose = _log(rng, 1, 50)
    images = []
    for _ in range(2):
        image, n = _exposed(rng, 1.0, dose, size), int(rng.integers(1, 60))
        image[rng.integers(0, size, n), rng.integers(0, size, n)] += rng.uniform(100, 20000, n)
        images.append(image)
    return images[0], images[1]


def _disc(size: int, centre: tuple[float, float], radius: float, soft: float) -> Array:
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - centre[0], x - centre[1]) - radius
    return np.asarray(0.5 - 0.5 * np.tanh(distance / soft))


def beam_edge(rng: np.random.Generator, size: int) -> Two:
    """A lit disc whose edge crosses the view, empty inside; at the same place, or moved as by a pivot error."""
    radius, soft = rng.uniform(0.4, 1.2) * size, rng.uniform(1, 12)
    angle = rng.uniform(0, 2 * np.pi)
    reach = radius + rng.uniform(-0.35, 0.35) * size
    centre = (size / 2 + reach * np.sin(angle), size / 2 + reach * np.cos(angle))
    moved = rng.normal(0, 0.08 * size, 2) if rng.random() < 0.6 else np.zeros(2)
    dose = _log(rng, 1, 60)
    light = [_disc(size, (centre[0] + m[0], centre[1] + m[1]), radius, soft) for m in (np.zeros(2), moved)]
    return _exposed(rng, light[0] + 1e-3, dose, size), _exposed(rng, light[1] + 1e-3, dose, size)


def texture_case(rng: np.random.Generator, size: int) -> Case:
    """A random amorphous film under random optics, small shifts."""
    return Case(
        voltage_v=float(rng.choice([200e3, 300e3])),
        c1_m=float(rng.choice([-1, 1])) * _log(rng, 0.3e-6, 3e-6),
        tilt_rad=rng.uniform(2e-3, 5e-3),
        tilt_angle_rad=rng.uniform(-np.pi, np.pi),
        pixel_m=_log(rng, 0.15e-9, 0.6e-9),
        electrons_per_px=_log(rng, 1, 90),
        texture=Texture(rng.choice([Texture.CARBON, Texture.STAIN])),
        size=(size, size),
    )


def unrelated_texture(rng: np.random.Generator, size: int) -> Two:
    """Two amorphous films."""
    case = replace(texture_case(rng, size), c1_m=-1e-6)
    return make_pair(case, rng).first, make_pair(case, rng).second


@dataclass(frozen=True, slots=True)
class Film:
    """A regular holey film: pitch and hole diameter in metres, pixel, and how far holes are off their places."""

    pitch_m: float
    hole_m: float
    pixel_m: float
    angle_rad: float
    jitter_m: float
    texture_rms: float
    dose: float


def draw_film(rng: np.random.Generator, size: int) -> Film:
    """R1.2/1.3 or R2/2 at 5 to 40 nm pixels; one and a half pitches in view at least: less is no lattice."""
    pitch, hole = ((2.5e-6, 1.2e-6), (4e-6, 2e-6))[int(rng.integers(2))]
    return Film(
        pitch_m=pitch,
        hole_m=hole,
        pixel_m=_log(rng, max(5e-9, 1.5 * pitch / size), 40e-9),
        angle_rad=rng.uniform(0, np.pi / 2),
        jitter_m=rng.uniform(0, 40e-9),
        texture_rms=rng.uniform(0.003, 0.03),
        dose=_log(rng, 5, 100),
    )


def film_field(film: Film, shape: tuple[int, int], origin_m: tuple[float, float], rng: np.random.Generator) -> Array:
    """Transmission (ny, nx) of a piece of film; the lattice passes through `origin_m` (y, x), the rest is random."""
    c, s = np.cos(film.angle_rad), np.sin(film.angle_rad)
    y = np.arange(shape[0])[:, None] * film.pixel_m + origin_m[0]
    x = np.arange(shape[1])[None, :] * film.pixel_m + origin_m[1]
    u, v = (c * x + s * y) / film.pitch_m, (-s * x + c * y) / film.pitch_m
    iu, iv = np.round(u).astype(int), np.round(v).astype(int)
    wide = (int(np.ptp(iu)) + 1, int(np.ptp(iv)) + 1)
    off = rng.normal(0, film.jitter_m / film.pitch_m, (2, *wide))
    cell = (iu - iu.min(), iv - iv.min())
    distance = np.hypot(u - iu - off[0][cell], v - iv - off[1][cell]) * film.pitch_m - film.hole_m / 2
    solid = 0.5 + 0.5 * np.tanh(distance / max(25e-9, 0.7 * film.pixel_m))
    rough = coloured(rng, shape, 1.5, 60e-9 / film.pixel_m) * film.texture_rms
    return np.asarray(1 - solid * (0.2 + rough))


def other_cells(rng: np.random.Generator, size: int) -> Two:
    """Two places of one regular film: the same lattice, nothing else in common; aligned, or anyhow."""
    film = draw_film(rng, size)
    place = (0.0, 0.0) if rng.random() < 0.5 else tuple(rng.uniform(0, film.pitch_m, 2))
    images = [film_field(film, (size, size), where, rng) for where in ((0.0, 0.0), (place[0], place[1]))]
    return _exposed(rng, images[0], film.dose, size), _exposed(rng, images[1], film.dose, size)


def few_holes(rng: np.random.Generator, size: int) -> Two:
    """The same with two to five pitches in view, hardly any texture, and holes 60 to 100 nm off their places."""
    film = replace(
        draw_film(rng, size), jitter_m=rng.uniform(60e-9, 100e-9), texture_rms=0.003, dose=_log(rng, 20, 100)
    )
    film = replace(film, pixel_m=rng.uniform(1.8, 5) * film.pitch_m / size)
    images = [film_field(film, (size, size), (y, x), rng) for y, x in ((0.0, 0.0), rng.uniform(0, film.pitch_m, 2))]
    return _exposed(rng, images[0], film.dose, size), _exposed(rng, images[1], film.dose, size)


def film_pair(film: Film, rng: np.random.Generator, size: int, shift: tuple[int, int]) -> Two:
    """Two views of the same film, `shift` pixels (y, x) apart: moving(r) = reference(r − shift)."""
    (sy, sx) = shift
    field = film_field(film, (size + abs(sy), size + abs(sx)), (0.0, 0.0), rng)
    a, b = max(sy, 0), max(sx, 0)
    first = field[a : a + size, b : b + size]
    second = field[a - sy : a - sy + size, b - sx : b - sx + size]
    return _exposed(rng, first, film.dose, size), _exposed(rng, second, film.dose, size)


def rough_pair(rng: np.random.Generator, size: int, shift: tuple[int, int]) -> Two:
    """Irregular specimen at low magnification (grain of 3 to 40 px, 0.5 to 5 % rms), moved by `shift` whole pixels."""
    (sy, sx) = shift
    field = coloured(rng, (size + abs(sy) + 32, size + abs(sx) + 32), rng.uniform(1, 2.5), _log(rng, 3, 40))
    field = 1 + _log(rng, 0.005, 0.05) * field
    a, b, dose = max(sy, 0), max(sx, 0), _log(rng, 10, 300)
    camera = camera_pattern(rng, size, dose)
    cuts = [field[a : a + size, b : b + size], field[a - sy : a - sy + size, b - sx : b - sx + size]]
    return camera.seen(_exposed(rng, cuts[0], dose, size)), camera.seen(_exposed(rng, cuts[1], dose, size))


def bar_and_empty(rng: np.random.Generator, size: int) -> Two:
    """A grid bar's edge at other places in each image, empty beside it."""
    images = []
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:size, :size] - size / 2
    for _ in range(2):
        distance = np.cos(angle) * x + np.sin(angle) * y - rng.uniform(-0.4, 0.4) * size
        ragged = ndimage.gaussian_filter1d(rng.standard_normal(size), 20)[None] * 20
        images.append(_exposed(rng, 0.03 + 0.97 / (1 + np.exp(-(distance + ragged) / 4)), 30.0, size))
    return images[0], images[1]


def empty_micrographs(rng: np.random.Generator, size: int) -> Two:
    """Two tiles without common area of real empty micrographs."""
    return micrographs.two_tiles(rng, size, micrographs.Kind.EMPTY)


def unrelated_micrographs(rng: np.random.Generator, size: int) -> Two:
    """Two tiles without common area of real micrographs of all kinds."""
    return micrographs.two_tiles(rng, size, micrographs.Kind.ANY)
