"""PNG pictures, 8 or 16 bits. They carry no pixel size that a microscope wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from eucentric.images.frame import Frame


def read(path: Path) -> Frame:
    """The picture: (ny, nx), or (ny, nx, 3) where it is stored in colours. A mask of transparency is left out.

    Raises what Pillow raises.
    """
    with Image.open(path, formats=("PNG",)) as picture:
        plain = _PLAIN.get(picture.mode)
        return Frame(pixels=np.array(picture.convert(plain) if plain else picture))


# What Pillow's modes with a palette or a mask become.
_PLAIN = {"P": "RGB", "PA": "RGB", "RGBA": "RGB", "1": "L", "LA": "L"}
