"""Other vendors' files (DM3, DM4, EMD, SER, TVIPS and more) through rosettasciio, the optional extra `formats`.

rosettasciio is GPL: it is never required, and imported here alone, when such a file is asked for.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from eucentric.errors import InputError
from eucentric.images.frame import Frame, OpticalState

_UNITS_M = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9, "å": 1e-10, "a": 1e-10, "pm": 1e-12}


def read(path: Path) -> Frame:
    """The one image in the file, with pixel size and voltage where its header has them.

    Raises InputError when the extra is missing, the suffix is unknown, or the file holds several images; else what
    rosettasciio raises.
    """
    try:
        rsciio = importlib.import_module("rsciio")
    except ImportError as error:
        raise InputError(
            f"{path} is not MRC, TIFF, .npy or PNG. Other vendors' files (DM3, DM4, EMD, SER, TVIPS) are read after: "
            "pip install 'eucentric[formats]'. Or export it as MRC or TIFF."
        ) from error
    suffix = path.suffix.lower().lstrip(".")
    plugin = next((p for p in rsciio.IO_PLUGINS if suffix in [e.lower() for e in p["file_extensions"]]), None)
    if plugin is None:
        raise InputError(f"{path} is of no kind that is known here ('.{suffix}'). Export it as MRC or TIFF.")
    signals = importlib.import_module(plugin["api"]).file_reader(str(path))
    images = [signal for signal in signals if np.ndim(signal["data"]) >= 2]
    if len(images) != 1:
        raise InputError(f"{path} holds {len(images)} images. Save the one to use as a file of its own.")
    return _frame(images[0])


def _frame(signal: dict[str, Any]) -> Frame:
    """One signal of rosettasciio as a frame."""
    tem = signal.get("metadata", {}).get("Acquisition_instrument", {}).get("TEM", {})
    energy_kv = tem.get("beam_energy")
    magnification = tem.get("magnification")
    return Frame(
        pixels=np.asarray(signal["data"]),
        pixel_m=_pixel_m(signal["axes"]),
        state=OpticalState(
            voltage_v=float(energy_kv) * 1e3 if energy_kv else None,
            magnification=float(magnification) if magnification else None,
        ),
    )


def _pixel_m(axes: list[dict[str, Any]]) -> float | None:
    """Metres of a square pixel from the last two axes; None where they have no length unit."""
    sizes = []
    for axis in axes[-2:]:
        unit = _UNITS_M.get(str(axis.get("units", "")).strip().lower())
        scale = float(axis.get("scale", 0.0))
        if unit is None or not math.isfinite(scale) or scale <= 0:
            return None
        sizes.append(scale * unit)
    return sizes[0] if len(sizes) == 2 and math.isclose(sizes[0], sizes[1], rel_tol=0.01) else None
