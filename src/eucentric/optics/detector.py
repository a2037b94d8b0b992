"""What a camera does to signal and noise: transfer, detective quantum efficiency, binning, read noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.errors import InputError

Frequencies = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detector:
    """A camera whose MTF and NTF are Gaussians, given by their values at the Nyquist frequency of its own pixels.

    DQE(f) = dqe_zero·MTF²/NTF². A counting camera has white noise (ntf_nyquist 1); where every electron spreads alike
    the noise is blurred with the signal (ntf = mtf) and DQE does not fall. `binning` averages b×b pixels.
    `read_noise_e` is its rms per unbinned pixel, in electrons of the beam.
    Raises InputError for values that no camera has.
    """

    dqe_zero: float = 0.8
    mtf_nyquist: float = 0.5
    ntf_nyquist: float = 1.0
    binning: int = 1
    read_noise_e: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("DQE", self.dqe_zero), ("MTF", self.mtf_nyquist), ("NTF", self.ntf_nyquist)):
            if not 0 < value <= 1:
                raise InputError(f"A {name} of {value:g} is not possible. Give a fraction above 0, up to 1.")
        if self.binning < 1 or self.read_noise_e < 0:
            raise InputError(
                f"Binning {self.binning} with {self.read_noise_e:g} electrons of read noise is no camera. "
                "Binning is 1 or more, read noise 0 or more."
            )

    def signal_transfer(self, qy: Frequencies, qx: Frequencies) -> Frequencies:
        """Factor on the image's contrast at frequencies in cycles per *binned* pixel: MTF times the bin's average.

        Contrast above the binned Nyquist frequency, which folds back, is not counted.
        """
        y, x = np.asarray(qy) / self.binning, np.asarray(qx) / self.binning
        mtf = _gaussian(y, self.mtf_nyquist) * _gaussian(x, self.mtf_nyquist)
        return np.asarray(mtf * _bin_average(y, self.binning) * _bin_average(x, self.binning))

    def noise_power(self, qy: Frequencies, qx: Frequencies, electrons_per_pixel: float) -> Frequencies:
        """Power per mode of the contrast's noise, |FFT|²/(number of pixels), at cycles per *binned* pixel.

        Shot noise 1/(n·DQE₀), with n electrons per binned pixel, through NTF and binning (its folded part counted);
        read noise b²·e²/n². Raises InputError when there are no electrons.
        """
        if not electrons_per_pixel > 0:
            raise InputError(f"{electrons_per_pixel:g} electrons per pixel make no image. Give a dose above zero.")
        shot = self._folded(qy) * self._folded(qx) / (electrons_per_pixel * self.dqe_zero)
        return np.asarray(shot + (self.binning * self.read_noise_e / electrons_per_pixel) ** 2)

    def _folded(self, q: Frequencies) -> Frequencies:
        """Σ over what folds onto a binned frequency of NTF² times the bin's average²; 1 for white noise."""
        alias = np.arange(self.binning).reshape(-1, *([1] * np.ndim(q)))
        f = (np.asarray(q) + alias) / self.binning
        f = f - np.round(f)  # to −½ … ½ cycles per camera pixel
        return np.asarray(np.sum((_gaussian(f, self.ntf_nyquist) * _bin_average(f, self.binning)) ** 2, axis=0))


def _gaussian(f: Frequencies, at_nyquist: float) -> Frequencies:
    """The Gaussian of one axis with the value `at_nyquist` at ½ cycle per pixel; separable."""
    return np.asarray(at_nyquist ** ((2 * np.asarray(f)) ** 2))


def _bin_average(f: Frequencies, binning: int) -> Frequencies:
    """Transfer of averaging `binning` samples: sin(πbf)/(b sin πf), 1 at f = 0; a ratio of two sincs."""
    return np.asarray(np.sinc(binning * np.asarray(f)) / np.sinc(f))
