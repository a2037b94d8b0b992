"""MRC files: MRC2014, with what an FEI/Thermo extended header says of the microscope, both ways."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from mrcfile.dtypes import get_ext_header_dtype

from eucentric.errors import InputError
from eucentric.images.frame import Frame, OpticalState

_ANGSTROM_M = 1e-10
_UNSET_A = 1.0
"""What many programs write that do not know the pixel size: a cell of as many Å as pixels."""
_HONEST = "mrcfile"
"""A label of this writer: it leaves 0 where nobody set the pixel size, so that its 1 Å is meant."""
_BIT = {
    **{"HT": 5, "Dose": 6, "Alpha tilt": 7, "X-Stage": 9, "Y-Stage": 10, "Z-Stage": 11},
    **{"Pixel size X": 14, "Pixel size Y": 15, "Applied defocus": 24, "Magnification": 31},
}
"""Which bit of the extended header's first mask says that a field is set."""
_STORED = (np.int8, np.int16, np.uint16, np.float16, np.float32)


def read(path: Path) -> Frame:
    """The image with its pixel size; voltage, defocus, stage and dose where there is an FEI extended header.

    A pixel of 0 counts as not known, and so does one that is not square within 1 %, or of exactly 1 Å unless the file
    was written by mrcfile: 1 Å is what other programs write when they don't know.
    Raises InputError when the header does not fit the file; else what mrcfile raises.
    """
    # Permissive: Leginon's own files have no valid machine stamp. A header that makes no image leaves data at None.
    with mrcfile.open(path, mode="r", permissive=True) as file:
        if file.data is None:
            raise InputError(
                f"{path} is damaged or not MRC: its header does not fit its length. Save or copy it again."
            )
        pixels = np.array(file.data)
        size = file.voxel_size
        meant = any(_HONEST in label for label in file.get_labels())
        pixel = _pixel_m(float(size.x), float(size.y), unset_a=None if meant else _UNSET_A)
        extended = _fei(file)
    if pixel is None and extended is not None:
        pixel = _pixel_m(extended("Pixel size X", 1 / _ANGSTROM_M), extended("Pixel size Y", 1 / _ANGSTROM_M))
    if extended is None:
        return Frame(pixels=pixels, pixel_m=pixel)
    state = OpticalState(
        voltage_v=_known(extended("HT")),
        magnification=_known(extended("Magnification")),
        defocus_m=_known(extended("Applied defocus")),
        stage_x_m=_known(extended("X-Stage")),
        stage_y_m=_known(extended("Y-Stage")),
        stage_z_m=_known(extended("Z-Stage")),
        stage_alpha_rad=_known(extended("Alpha tilt", math.pi / 180)),
    )
    return Frame(pixels=pixels, pixel_m=pixel, state=state, dose_e_per_m2=_known(extended("Dose")))


def write(path: Path, frame: Frame) -> None:
    """Write the pixels (types that MRC lacks as float32), the pixel size, and in an FEI extended header what is known
    of the optical state, exposure and dose. The beam tilt, which that header lacks, is in a label.
    """
    pixels = np.asarray(frame.pixels)
    if pixels.dtype == np.uint8:
        pixels = pixels.astype(np.uint16)
    elif pixels.dtype.newbyteorder("=") not in _STORED:
        pixels = pixels.astype(np.float32)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(pixels)
        if frame.pixel_m is not None:
            file.voxel_size = frame.pixel_m / _ANGSTROM_M
        _describe(file, frame)


def _describe(file: Any, frame: Frame) -> None:
    """The extended header, where there is something to say: one row, with a bit for each field that is known."""
    state, alpha = frame.state, frame.state.stage_alpha_rad
    values = {
        "HT": state.voltage_v,
        "Dose": frame.dose_e_per_m2,
        "Alpha tilt": None if alpha is None else math.degrees(alpha),
        "X-Stage": state.stage_x_m,
        "Y-Stage": state.stage_y_m,
        "Z-Stage": state.stage_z_m,
        "Pixel size X": frame.pixel_m,
        "Pixel size Y": frame.pixel_m,
        "Applied defocus": state.defocus_m,
        "Magnification": state.magnification,
    }
    if state.tilt_rad is not None:
        y, x = (1e3 * t for t in state.tilt_rad)
        file.add_label(f"eucentric: beam tilt from the coma-free axis x {x:+.4f}, y {y:+.4f} mrad")
    if all(value is None for name, value in values.items() if not name.startswith("Pixel")):
        return
    header = np.zeros(1, get_ext_header_dtype(b"FEI1"))
    header["Metadata size"], header["Application"] = header.dtype.itemsize, b"eucentric"
    for name, value in values.items():
        if value is not None:
            header[name] = value
            header["Bitmask 1"] |= np.uint32(1 << _BIT[name])
    if frame.exposure_s is not None:
        header["Integration time"] = frame.exposure_s
    file.set_extended_header(header)
    file.header.exttyp = b"FEI1"


def _pixel_m(x_a: float, y_a: float, *, unset_a: float | None = None) -> float | None:
    """Metres of a square pixel given in Å along x and y; None where it is not known, or is the value `unset_a`."""
    usable = all(math.isfinite(v) and v > 0 for v in (x_a, y_a))
    if not usable or abs(x_a - y_a) > 0.01 * x_a:
        return None
    if unset_a is not None and math.isclose(x_a, unset_a, rel_tol=1e-6):
        return None
    return x_a * _ANGSTROM_M


def _fei(file: Any) -> Any:
    """A getter of fields of the first FEI extended header (SI, degrees for angles), None where there is none."""
    if bytes(file.header.exttyp).strip(b"\0 ") not in (b"FEI1", b"FEI2"):
        return None
    rows = file.indexed_extended_header
    if rows is None or len(rows) == 0:
        return None
    row = rows[0]

    def field(name: str, factor: float = 1.0) -> float:
        return float(row[name]) * factor if name in row.dtype.names else 0.0

    return field


def _known(value: float) -> float | None:
    """The value, None where the writer left zero or something that is not a number."""
    return value if math.isfinite(value) and value != 0 else None
