"""Images at two defoci, made to look alike. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft


def same_contrast(
    pixels: NDArray[np.generic], step_m: float, *, wavelength_m: float, pixel_m: float
) -> NDArray[np.float32]:
    """An image with its rings reversed where one `step_m` of defocus away they have the other sign.

    sin χ₁ · sin χ₂ = ½[cos(χ₁ − χ₂) − cos(χ₁ + χ₂)]: the second term averages out over rings, the first, with
    χ₁ − χ₂ = πλ·step·q², does not, and does not depend on where focus is. The mean and what is coarse keep their sign.
    """
    image = np.asarray(pixels, np.float32)
    qy, qx = fft.fftfreq(image.shape[0], pixel_m)[:, None], fft.rfftfreq(image.shape[1], pixel_m)[None]
    sign = np.sign(np.cos(math.pi * wavelength_m * step_m * (qy**2 + qx**2))).astype(np.float32)
    turned = fft.irfft2(fft.rfft2(image - image.mean()) * sign, s=image.shape) + image.mean()
    return np.asarray(turned, np.float32)
