"""Exit waves of any piece of the specimen, on the pixel lattice of a preset.

The lattice is endless: point n = (row, column) stands for the place S⁻¹ R⁻¹ (n·pixel) of the specimen, R the image
rotation and S the foreshortening by the stage's tilt. A field is a cut out of it, so nothing wraps around.
What is coarser than 10 nm belongs to the specimen and is the same in every preset and at every stage tilt; the atoms'
noise belongs to the lattice: the same on every visit with one preset, another one with another pixel size. At a stage
tilt it stays with the specimen's places, to half a pixel.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

from eucentric.microscope.simulated.specimen import Specimen
from eucentric.microscope.simulated.texture import white
from eucentric.microscope.simulated.threads import THREADS

Wave = NDArray[np.complex64]
_TILE = 256
_CACHED_TILES = 160  # 512 KB each
_KEPT_POINTS = 5_000_000  # of cut fields, 16 bytes each
_ATOM_M = 0.05e-9  # Gaussian width of an atom's potential; what is sharper no lens shows


@dataclass(frozen=True, slots=True)
class Lattice:
    """How image points lie on the specimen. `rotation_rad` from specimen to image, `alpha_rad` about the x axis."""

    number: int
    pixel_m: float
    rotation_rad: float
    alpha_rad: float

    def point(self, place: complex) -> complex:
        """Lattice point (x + iy, pixels) of a place (x + iy, metres)."""
        seen = complex(place.real, place.imag * np.cos(self.alpha_rad))
        return complex(seen * np.exp(1j * self.rotation_rad) / self.pixel_m)

    def places(self, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Places x + iy of lattice points."""
        seen = (columns + 1j * rows) * self.pixel_m * np.exp(-1j * self.rotation_rad)
        return np.asarray(seen.real + 1j * seen.imag / np.cos(self.alpha_rad))


@dataclass(frozen=True, eq=False)
class Field:
    """A cut of the specimen: exp((i − κ)φ) of each slice, the top one first, and how thick all are together."""

    slices: tuple[Wave, ...]  # each (ny, nx)
    thickness_m: float

    @cached_property
    def spectrum(self) -> Wave:
        """Of the top slice, (ny, nx) in FFT order; not to be written to."""
        return np.asarray(fft.fft2(self.slices[0], workers=THREADS))


_Key: TypeAlias = tuple[Lattice, int, int, int]


class ExitWaves:
    """Cuts exit waves, keeping the latest tiles."""

    def __init__(self, specimen: Specimen, amplitude_contrast: float, seed: int) -> None:
        self._specimen = specimen
        self._kappa = amplitude_contrast / np.sqrt(1 - amplitude_contrast**2)
        self._seed = seed
        self._tiles: OrderedDict[_Key, Wave] = OrderedDict()
        self._fields: OrderedDict[tuple[Lattice, tuple[int, int], tuple[int, int]], Field] = OrderedDict()

    def cut(self, lattice: Lattice, origin: tuple[int, int], shape: tuple[int, int]) -> Field:
        """The lattice points origin … origin + shape (row, column); the latest are kept, for the next image of them."""
        key = (lattice, origin, shape)
        field = self._fields.pop(key, None) or self._new(lattice, origin, shape)
        self._fields[key] = field
        while self._fields and sum(f.slices[0].size for f in self._fields.values()) > _KEPT_POINTS:
            self._fields.popitem(last=False)
        return field

    def _new(self, lattice: Lattice, origin: tuple[int, int], shape: tuple[int, int]) -> Field:
        numbers = range(self._specimen.slices)
        slices = tuple(self._cut(lattice, origin, shape, number) for number in numbers)
        return Field(slices, self._specimen.thickness_m / np.cos(lattice.alpha_rad))

    def _cut(self, lattice: Lattice, origin: tuple[int, int], shape: tuple[int, int], number: int) -> Wave:
        rows, columns = (range(o // _TILE, (o + n - 1) // _TILE + 1) for o, n in zip(origin, shape, strict=True))
        keys = [(lattice, row, column, number) for row in rows for column in columns]
        self._prepare(keys)
        out = np.empty(shape, dtype=np.complex64)
        for key in keys:
            y, x = key[1] * _TILE - origin[0], key[2] * _TILE - origin[1]
            y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + _TILE, shape[0]), min(x + _TILE, shape[1])
            out[y0:y1, x0:x1] = self._tiles[key][y0 - y : y1 - y, x0 - x : x1 - x]
        return out

    def _prepare(self, keys: list[_Key]) -> None:
        """Have all these tiles at hand; the ones longest unused go."""
        missing = [key for key in keys if key not in self._tiles]
        for key in keys:
            if key in self._tiles:
                self._tiles.move_to_end(key)
        with ThreadPoolExecutor(THREADS) as pool:
            self._tiles.update(zip(missing, pool.map(self._make, missing), strict=True))
        while len(self._tiles) > max(_CACHED_TILES, len(keys)):
            self._tiles.popitem(last=False)

    def _make(self, key: _Key) -> Wave:
        lattice, origin = key[0], (key[1] * _TILE, key[2] * _TILE)
        place = lattice.places(*_grid(origin, _TILE))
        layer = self._specimen.layer(place.imag, place.real, lattice.pixel_m)
        slices = self._specimen.slices
        noise = self._noise(lattice, origin, key[3])
        # Each slice has its own atoms: means add up, and so do variances.
        # On a tilted specimen the beam's way through it is longer.
        way = 1 / np.cos(lattice.alpha_rad)
        phase = np.float32(way) * layer.phase_rad / np.float32(slices)
        phase += np.float32(np.sqrt(way)) * layer.texture_rad_m * noise / np.float32(lattice.pixel_m * np.sqrt(slices))
        amplitude = np.exp(np.float32(-self._kappa) * phase)
        if key[3] == 0:
            amplitude *= layer.transmission
        wave = np.empty(phase.shape, dtype=np.complex64)
        wave.real, wave.imag = amplitude * np.cos(phase), amplitude * np.sin(phase)
        return wave

    def _noise(self, lattice: Lattice, origin: tuple[int, int], number: int) -> NDArray[np.float32]:
        width = _ATOM_M / lattice.pixel_m
        if width < 0.2:  # less than 20 % at the Nyquist frequency
            return self._white(lattice, origin, _TILE, number)
        halo = int(np.ceil(4 * width))
        around = self._white(lattice, (origin[0] - halo, origin[1] - halo), _TILE + 2 * halo, number)
        return np.asarray(gaussian_filter(around, width, mode="nearest")[halo:-halo, halo:-halo])

    def _white(self, lattice: Lattice, origin: tuple[int, int], side: int, number: int) -> NDArray[np.float32]:
        """White noise that belongs to the specimen's places: of the untilted lattice's point nearest to each.

        Neighbours on a tilted specimen lie further apart than on the lattice, so no two take the same point.
        """
        key = 8 * lattice.number + number
        corners = np.array([0, 0, side, side]) + origin[0], np.array([0, side, 0, side]) + origin[1]
        moved = _untilted(lattice, *corners) - (corners[1] + 1j * corners[0])
        if max(np.abs(moved.real).max(), np.abs(moved.imag).max()) < 0.5:
            return white(self._seed, key, origin, (side, side))
        nearest = _untilted(lattice, *_grid(origin, side))
        row, column = np.rint(nearest.imag).astype(np.int64), np.rint(nearest.real).astype(np.int64)
        top, left = int(row.min()), int(column.min())
        around = white(self._seed, key, (top, left), (int(row.max()) - top + 1, int(column.max()) - left + 1))
        return np.asarray(around[row - top, column - left])


def _grid(origin: tuple[int, int], side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row numbers (side, 1) and column numbers (1, side) from `origin` on."""
    row, column = (np.arange(o, o + side, dtype=np.float64) for o in origin)
    return row[:, None], column[None]


def _untilted(lattice: Lattice, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.complex128]:
    """Where (x + iy) the same places are on the lattice without a tilt."""
    places = lattice.places(rows, columns)
    return np.asarray(places * np.exp(1j * lattice.rotation_rad) / lattice.pixel_m)
