"""A picture on its way to the browser: what it is as JSON, then its pixels as bytes, in one binary message.

4 bytes        length of the JSON, little-endian
JSON           {"kind": …, "planes": [[ny, nx], …], …}
pixels         8 bits each, plane after plane, row 0 first
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]  # (ny, nx)


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """A picture of one `kind`; `about` is plain JSON."""

    kind: str
    about: Mapping[str, Any]
    planes: tuple[Plane, ...]


def packed(packet: Packet) -> bytes:
    """The message. Raises ValueError where `about` holds what JSON has not."""
    shapes = [list(plane.shape) for plane in packet.planes]
    head = json.dumps({**packet.about, "kind": packet.kind, "planes": shapes}, allow_nan=False).encode()
    return b"".join((struct.pack("<I", len(head)), head, *(np.ascontiguousarray(p).tobytes() for p in packet.planes)))
