"""Image files in and out: MRC, TIFF, .npy both ways, PNG in, other vendors' through the extra `formats`.

**Which way up.** Row 0 of the pixels is the first row in the file; nothing is flipped or rotated, ever. By their own
conventions an MRC file's first row is the *bottom* one of the picture, a TIFF's and a PNG's the *top*: the same picture
saved in both has opposite rows here, and so do the +y of a tilt and of a shift. Take both images of a pair in one kind.

Every error is an InputError: a sentence that names the file and says what to do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import EucentricError, InputError
from eucentric.images import mrc, png, tiff, vendor
from eucentric.images.check import SMALLEST_SIDE, check_image
from eucentric.images.frame import Frame

Pixels = NDArray[np.generic]
_COLOURS = (3, 4)


def read_frame(path: str | Path) -> Frame:
    """The one image in a file, with pixel size (metres) and voltage where the header has them.

    Pixels keep the file's type and order; colour images are taken when all their colours are equal.
    Raises InputError when the file is missing, of an unknown kind, damaged, a stack of several images, complex,
    coloured, smaller than 32 pixels, not finite everywhere, or all one value.
    """
    path = Path(path)
    reader = _reader(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # readers warn of odd headers; what matters is checked below
            frame = reader(path)
    except EucentricError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory. Crop or bin it first.") from error
    except Exception as error:  # a damaged file can break a reader anywhere
        raise InputError(
            f"{path} can't be read as {_kind(path)}: {_first_line(error)}. Save or copy it again."
        ) from error
    return replace(frame, pixels=checked(frame.pixels, str(path)), name=path.name)


def write_frame(path: str | Path, frame: Frame) -> None:
    """Write a frame as .mrc, .tif, .tiff or .npy; the pixel size goes with it, except to .npy.

    MRC holds 8 and 16 bit integers and 32 bit floats: other types become float32. Overwrites.
    Raises InputError for another suffix or when the file can't be written.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"Images are not written as '{path.suffix}': {path}. Use .mrc, .tif or .npy.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(path, frame)
    except OSError as error:
        raise InputError(f"{path} can't be written: {_first_line(error)}. Choose another place.") from error


def checked(pixels: Pixels, name: str) -> Pixels:
    """The pixels as one usable image (ny, nx), native byte order; `name` begins the sentence when they are not.

    Raises InputError: see read_frame.
    """
    image = _single(pixels, name)
    check_image(image, name)
    if image.dtype.kind == "b":
        image = image.astype(np.uint8)
    return np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("="))


def _single(pixels: Pixels, name: str) -> Pixels:
    """Drop axes of length one, and the colour axis of a grey picture; refuse stacks and colours."""
    image: NDArray[Any] = np.asarray(pixels)
    if image.ndim > 2 and image.shape[-1] in _COLOURS and min(image.shape[-3:-1]) >= SMALLEST_SIDE:
        image = _grey(image, name)
    while image.ndim > 2 and 1 in image.shape:
        image = np.squeeze(image, axis=image.shape.index(1))
    if image.ndim > 2:
        count = int(np.prod(image.shape[:-2]))
        raise InputError(f"{name} is a stack of {count} images. Save the one to use as a file of its own.")
    if image.ndim < 2:
        raise InputError(f"{name} has {image.ndim} dimension(s), not rows and columns. Give an image.")
    return image


def _grey(image: NDArray[Any], name: str) -> NDArray[Any]:
    """One colour of (..., 3 or 4) when red, green and blue agree everywhere."""
    red, green, blue = (image[..., i] for i in range(3))
    if not (np.array_equal(red, green) and np.array_equal(red, blue)):
        raise InputError(f"{name} is a colour picture. Save it as grey, with the values that the camera gave.")
    return red


def _reader(path: Path) -> Callable[[Path], Frame]:
    """The function that reads this file; raises InputError when there is none."""
    if path.is_dir():
        raise InputError(f"{path} is a folder. Give the image file in it.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Check the name and the folder.") from error
    except OSError as error:
        raise InputError(f"{path} can't be opened: {_first_line(error)}. Check its permissions.") from error
    if empty:
        raise InputError(f"{path} is empty. Save or copy it again.")
    return _READERS.get(path.suffix.lower(), vendor.read)


def _read_npy(path: Path) -> Frame:
    """A NumPy array; it has no header beyond its shape and type."""
    try:
        return Frame(pixels=np.load(path, allow_pickle=False))
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        # NumPy's own words offer to unpickle, which would run whatever a file brings with it.
        raise InputError(
            f"{path} can't be read as NPY: it holds no plain array of numbers. Save it with numpy.save."
        ) from error


def _write_npy(path: Path, frame: Frame) -> None:
    np.save(path, frame.pixels, allow_pickle=False)


_READERS: dict[str, Callable[[Path], Frame]] = {
    **dict.fromkeys((".mrc", ".mrcs", ".map", ".st", ".rec"), mrc.read),
    **dict.fromkeys((".tif", ".tiff"), tiff.read),
    ".npy": _read_npy,
    ".png": png.read,
}
_WRITERS: dict[str, Callable[[Path, Frame], None]] = {
    ".mrc": mrc.write,
    ".tif": tiff.write,
    ".tiff": tiff.write,
    ".npy": _write_npy,
}


def _kind(path: Path) -> str:
    """What the suffix says the file is."""
    names = {".mrcs": "MRC", ".map": "MRC", ".st": "MRC", ".rec": "MRC", ".tif": "TIFF"}
    return names.get(path.suffix.lower(), path.suffix[1:].upper() or "an image")


def _first_line(error: BaseException) -> str:
    """The first line of an error, without a closing full stop."""
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return text.splitlines()[0].rstrip(". ")
