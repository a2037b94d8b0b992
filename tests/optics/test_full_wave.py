"""The linear transfer against images computed from the whole wave: |lens(exp(iσv)·tilted plane wave)|²."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.optics.aberrations import Aberrations, direction, wave_aberration
from eucentric.optics.column import Column
from eucentric.optics.tilt_shift import shift_at
from eucentric.optics.transfer import tilted_transfer

_N = 128
_PIXEL_M = 0.1e-9
_STEP_PER_M = 1 / (_N * _PIXEL_M)
_STRENGTH = 1e-4  # rms phase of the object, rad
# Half the difference of the images of +v and −v is the linear part and third orders: three scatterings in all, on
# either side of the product ψψ̄, 4/3 |v|³ at most; |v| stays below 5 rms: relative to the linear part 4/3·25·_STRENGTH².
_THIRD_ORDER = 4 / 3 * 25 * _STRENGTH**2

_LENS = Aberrations(c1_m=-0.4e-6, a1_m=(30e-9, -50e-9), b2_m=(2e-6, -1e-6), c3_m=1.2e-3)
_COHERENT = Column(voltage_v=200e3, c3_m=1.2e-3, convergence_rad=0.0, focal_spread_m=0.0, amplitude_contrast=0.0)


@dataclass(frozen=True)
class Plane:
    """The frequencies of the FFT plane, cycles per metre."""

    qx: NDArray[np.float64]
    qy: NDArray[np.float64]


def _plane() -> Plane:
    q = np.fft.fftfreq(_N, _PIXEL_M)
    return Plane(*np.meshgrid(q, q))


def _object() -> NDArray[np.float64]:
    """White noise up to 2.4 /nm of unit variance, so that with the tilt's carrier nothing passes 5 /nm and folds."""
    plane = _plane()
    spectrum = np.fft.fft2(np.random.default_rng(5).normal(size=(_N, _N)))
    spectrum[np.hypot(plane.qx, plane.qy) > 2.4e9] = 0
    spectrum[0, 0] = 0
    phase = np.fft.ifft2(spectrum).real
    return np.asarray(phase / phase.std())


def _image(strength: complex, carrier: tuple[int, int], lens: Aberrations, column: Column) -> NDArray[np.float64]:
    """Intensity of exp(i·strength·v) under a plane wave of `carrier` (y, x) periods across the field."""
    y, x = np.mgrid[:_N, :_N]
    plane_wave = np.exp(2j * np.pi * (carrier[0] * y + carrier[1] * x) / _N)
    plane = _plane()
    angle = column.wavelength_m * (plane.qx + 1j * plane.qy)  # from the optical axis: the wave is tilted itself
    lens_factor = np.exp(-2j * np.pi / column.wavelength_m * wave_aberration(angle, lens))
    if column.aperture_rad is not None:
        lens_factor = lens_factor * (np.abs(angle - direction(column.aperture_centre_rad)) <= column.aperture_rad)
    wave = np.fft.ifft2(np.fft.fft2(plane_wave * np.exp(1j * strength * _object())) * lens_factor)
    return np.asarray(np.abs(wave) ** 2)


def _tilt(carrier: tuple[int, int], column: Column) -> tuple[float, float]:
    return (carrier[0] * _STEP_PER_M * column.wavelength_m, carrier[1] * _STEP_PER_M * column.wavelength_m)


@pytest.mark.parametrize("carrier", [(0, 0), (0, 24), (-17, 9)])
@pytest.mark.parametrize("amplitude_contrast", [0.0, 0.1])
@pytest.mark.parametrize("aperture", [None, 7.51e-3])
def test_the_linear_image_is_object_times_transfer(
    carrier: tuple[int, int], amplitude_contrast: float, aperture: float | None
) -> None:
    column = Column(
        **{**_fields(_COHERENT), "amplitude_contrast": amplitude_contrast, "aperture_rad": aperture},
        aperture_centre_rad=(0.3e-3, 1.1e-3),
    )
    # Absorption makes the wave smaller where v is larger: exp(i e^{iφ} v), |wave| = exp(−sin φ·v).
    strength = _STRENGTH * np.exp(1j * np.arcsin(amplitude_contrast))
    linear = (_image(strength, carrier, _LENS, column) - _image(-strength, carrier, _LENS, column)) / 2
    plane = _plane()
    transfer = tilted_transfer(plane.qx, plane.qy, _tilt(carrier, column), _LENS, column)
    expected = np.fft.fft2(_STRENGTH * _object()) * transfer
    assert np.abs(np.fft.fft2(linear) - expected).max() <= _THIRD_ORDER * np.abs(expected).max()


def _fields(column: Column) -> dict[str, float]:
    return {
        "voltage_v": column.voltage_v,
        "c3_m": column.c3_m,
        "convergence_rad": column.convergence_rad,
        "focal_spread_m": column.focal_spread_m,
    }


@pytest.mark.parametrize("c1", [1e-6, -1e-6])
@pytest.mark.parametrize("carrier", [(0, 16), (-12, 5)])
def test_an_overfocused_image_moves_by_plus_d_under_plus_beta(c1: float, carrier: tuple[int, int]) -> None:
    lens = Aberrations(c1_m=c1)
    tilt = _tilt(carrier, _COHERENT)
    straight, tilted = (_image(_STRENGTH, c, lens, _COHERENT) for c in ((0, 0), carrier))
    # moving(r) = reference(r − s): the peak of conj(reference)·moving is at s.
    correlation = np.fft.ifft2(np.conj(np.fft.fft2(straight - 1)) * np.fft.fft2(tilted - 1)).real
    row, column = np.unravel_index(int(correlation.argmax()), correlation.shape)
    found = np.array([(row + _N // 2) % _N - _N // 2, (column + _N // 2) % _N - _N // 2], dtype=float)
    expected = np.array(shift_at(tilt, lens)) / _PIXEL_M
    assert np.abs(expected).max() > 20  # pixels, far from zero and within half the field
    assert np.abs(found - expected).max() <= 0.5 + 1e-6  # the peak is read to the nearest pixel


def test_absorption_is_dark_and_adds_to_underfocus() -> None:
    column = Column(voltage_v=200e3, c3_m=0.0, amplitude_contrast=0.1)
    low = np.array([0.0, 0.2e9])  # π λ C1 q² = 0.16 at 0.5 µm: well inside the first Thon ring
    for c1, at_q in ((-0.5e-6, -1), (0.5e-6, 1)):
        transfer = tilted_transfer(low, np.zeros(2), (0.0, 0.0), Aberrations(c1_m=c1), column).real
        assert transfer[0] == pytest.approx(-2 * 0.1)
        assert np.sign(transfer[1] - transfer[0]) == at_q


def test_the_envelopes_are_averages_over_beams_and_energies() -> None:
    column = Column(voltage_v=200e3, c3_m=1.2e-3, convergence_rad=0.03e-3, focal_spread_m=5e-9, amplitude_contrast=0.0)
    lens, tilt = Aberrations(c1_m=-2e-6, a1_m=(0.1e-6, 0.0), c3_m=1.2e-3), (1e-3, 4e-3)
    plane = _plane()
    inside = np.hypot(plane.qx, plane.qy) < 2.4e9
    mean = _averaged(plane, tilt, lens, column)
    expected = tilted_transfer(plane.qx, plane.qy, tilt, lens, column)
    # The envelope neglects how W curves across the beams: (2π/λ)·½δβᵀ(H(β+θ) − H(β))δβ with |δβ|² = α² on average
    # and |H(β+θ) − H(β)| ≤ 3·C3·(|β+θ|² − |β|²) ≤ 3·C3·((4.1 + 6.1)² − 4.1²) mrad²; two sidebands.
    curvature = 3 * column.c3_m * (10.2e-3**2 - 4.1e-3**2)
    allowed = 2 * np.pi / column.wavelength_m * curvature * column.convergence_rad**2
    assert allowed < 0.02  # otherwise this would test nothing: T is up to 2
    assert np.abs(mean - expected)[inside].max() <= allowed
    unspoilt = tilted_transfer(plane.qx, plane.qy, tilt, lens, _COHERENT)
    assert np.abs(unspoilt - expected)[inside].max() > 10 * allowed


def _averaged(plane: Plane, tilt: tuple[float, float], lens: Aberrations, column: Column) -> NDArray[np.complex128]:
    """T averaged over a Gaussian source (α/√2 rms per axis) and a Gaussian of focus (Δ rms), from W itself."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)  # exact to the 17th power of a standard normal variable
    weights = weights / weights.sum()
    scale = 2 * np.pi / column.wavelength_m
    theta = column.wavelength_m * (plane.qx + 1j * plane.qy)
    total = np.zeros(theta.shape, dtype=np.complex128)
    for ix, wx in zip(nodes, weights, strict=True):
        for iy, wy in zip(nodes, weights, strict=True):
            beam = direction(tilt) + column.convergence_rad / np.sqrt(2) * complex(ix, iy)
            for iz, wz in zip(nodes, weights, strict=True):
                turned = lens.with_defocus(lens.c1_m + column.focal_spread_m * iz)
                at_beam = wave_aberration(beam, turned)
                plus = np.exp(-1j * scale * (wave_aberration(beam + theta, turned) - at_beam))
                minus = np.exp(1j * scale * (wave_aberration(beam - theta, turned) - at_beam))
                total += wx * wy * wz * 1j * (plus - minus)
    return total
