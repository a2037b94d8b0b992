"""Real images, where they are at hand: ../shared/data beside the repository, or the folder in EUCENTRIC_DATA."""

from __future__ import annotations

import os
import warnings
from enum import StrEnum
from functools import cache
from pathlib import Path

import mrcfile
import numpy as np
from PIL import Image

from benchmarks.physics import Array


class Kind(StrEnum):
    """Which micrographs."""

    EMPTY = "empty"
    ANY = "any"
    TEXTURED = "textured"


def folder() -> Path | None:
    """Where the real images are; None where they are not."""
    told = os.environ.get("EUCENTRIC_DATA")
    place = Path(told) if told else Path(__file__).resolve().parents[2] / "shared" / "data"
    return place if place.is_dir() else None


def _names(kind: Kind, place: Path) -> list[Path]:
    textured = sorted(place.glob("cryo_mic/*.mrc"))
    if kind is Kind.TEXTURED:
        return textured
    empty = sorted(place.glob("quality_cases/3Empty*/*.png")) + sorted(place.glob("quality_cases/5Empty*/*.png"))
    if kind is Kind.EMPTY:
        return empty
    # One exposure of each scene, and each scene once.
    noisy = sorted(place.glob("noise_pairs/*_0001.tif"))
    return textured * 3 + noisy * 2 + sorted(set(place.glob("quality_cases/*/*.png")) - set(empty))


@cache
def load(path: Path) -> Array:
    """The pixels (ny, nx) as float32."""
    if path.suffix == ".mrc":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=True) as file:
                return np.asarray(file.data, dtype=np.float32)
    return np.asarray(Image.open(path), dtype=np.float32)


def textured(number: int) -> Array:
    """Real micrograph `number` with texture to correlate: 0 is the carbon-like one with Thon rings."""
    place = folder()
    if place is None:
        raise FileNotFoundError("No real micrographs here: set EUCENTRIC_DATA to the folder that holds cryo_mic/.")
    return load(_names(Kind.TEXTURED, place)[number])


def two_tiles(rng: np.random.Generator, size: int, kind: Kind) -> tuple[Array, Array]:
    """Two square tiles without common area, of one micrograph or of two; smaller than `size` where the image is.

    Of two micrographs the same window is taken: two that come from one camera may share its pattern, and a camera's
    pattern stands still between the images of a pair.
    """
    place = folder()
    if place is None:
        raise FileNotFoundError("No real micrographs here: set EUCENTRIC_DATA to the folder that holds quality_cases/.")
    names = _names(kind, place)
    one, two = (load(names[int(i)]) for i in rng.integers(0, len(names), 2))
    if one is two:
        half = min(size, one.shape[0], one.shape[1] // 2)
        gap = one.shape[1] - 2 * half
        left = int(rng.integers(0, gap + 1))
        right = int(rng.integers(left + half, one.shape[1] - half + 1))
        tops = rng.integers(0, one.shape[0] - half + 1, 2)
        return _tile(one, int(tops[0]), left, half), _tile(one, int(tops[1]), right, half)
    low = (min(one.shape[0], two.shape[0]), min(one.shape[1], two.shape[1]))
    side = min(size, *low)
    top, left = (int(rng.integers(0, n - side + 1)) for n in low)
    return _tile(one, top, left, side), _tile(two, top, left, side)


def _tile(image: Array, top: int, left: int, side: int) -> Array:
    return np.ascontiguousarray(image[top : top + side, left : left + side])
