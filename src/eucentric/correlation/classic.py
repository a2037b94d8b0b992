"""Cross- and phase-correlation as people know them: the whole images, wrapped, peak by a parabola.

Kept so that maps can be compared with other programs; nothing in them knows about tilt, noise or overlap.
Kuglin & Hines, Proc. IEEE Int. Conf. Cybernetics and Society (1975) 163-165, for phase correlation.
"""

from __future__ import annotations

import numpy as np
import scipy.fft as sf
from numpy.typing import NDArray

from eucentric.correlation.shift import CorrelationMap, Method

Image = NDArray[np.float32]


def classic_map(first: Image, second: Image, method: Method, *, workers: int) -> CorrelationMap:
    """The wrapped correlation map of two images (ny, nx) and its peak to a fraction of a pixel."""
    a = sf.rfft2(first - first.mean(), workers=workers)
    b = sf.rfft2(second - second.mean(), workers=workers)
    product = np.conj(a) * b
    if method is Method.PHASE:
        product /= np.maximum(np.abs(product), 1e-20)
    values = np.asarray(sf.irfft2(product, s=first.shape, workers=workers), np.float32)
    return CorrelationMap(values, (1.0, 1.0), subpixel_peak(values))


def subpixel_peak(values: Image) -> tuple[float, float]:
    """(row, column) of the highest element, refined by a parabola along each axis (it locks to pixels by ~0.02)."""
    row, column = (int(i) for i in np.unravel_index(int(values.argmax()), values.shape))
    ny, nx = values.shape
    along_y = [float(values[(row + i) % ny, column]) for i in (-1, 0, 1)]
    along_x = [float(values[row, (column + i) % nx]) for i in (-1, 0, 1)]
    return (row + _vertex(along_y)) % ny, (column + _vertex(along_x)) % nx


def _vertex(three: list[float]) -> float:
    """Place of a parabola's top relative to its middle point; 0 where there is none."""
    below, middle, above = three
    bend = below - 2 * middle + above
    return 0.5 * (below - above) / bend if bend < 0 else 0.0
