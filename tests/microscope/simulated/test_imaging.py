"""Image formation against closed forms: the transfer, the shift ∇W, the sign of defocus, the aperture, no wrapping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.microscope.simulated.column import Optics
from eucentric.microscope.simulated.exit_wave import ExitWaves, Field, Lattice
from eucentric.microscope.simulated.imaging import Window, form_image, illumination, transfer
from eucentric.microscope.simulated.magnitudes import Magnitudes, SpecimenMagnitudes
from eucentric.microscope.simulated.modes import Mode, modes
from eucentric.microscope.simulated.specimen import Specimen
from eucentric.optics.aberrations import Aberrations, image_shift, wave_aberration
from eucentric.optics.electron import wavelength_m

PIXEL_M = 0.3e-9
SIZE = (256, 256)
WAVELENGTH_M = wavelength_m(200e3)
IDEAL = Optics(
    voltage_v=200e3,
    lens=Aberrations(c3_m=2.7e-3),
    tilt=0j,
    convergence_rad=0.05e-3,
    focal_spread_m=4e-9,
    aperture_rad=None,
    aperture_centre=0j,
    displacement_m=0j,
    lit_centre_m=0j,
    lit_radius_m=1e-6,
    gradient=0j,
    pixel_m=PIXEL_M,
    rotation_rad=0.0,
)
WAVES = ExitWaves(Specimen(SpecimenMagnitudes(ice_thickness_m=0.0), 200e3, 1), 0.07, 1)
LATTICE = Lattice(0, PIXEL_M, 0.0, 0.0)


def image(
    optics: Optics, c1_m: float, at: tuple[int, int] = (0, 0), size: tuple[int, int] = SIZE
) -> NDArray[np.float32]:
    """The image whose corner, undisplaced, shows lattice point `at` (row, column)."""
    optics = replace(optics, lens=optics.lens.with_defocus(0.0))
    window = Window.of(optics, c1_m, size)
    origin = (at[0] - int(window.whole_px.imag) - window.margin, at[1] - int(window.whole_px.real) - window.margin)
    wave = WAVES.cut(LATTICE, origin, (size[0] + 2 * window.margin, size[1] + 2 * window.margin))
    return form_image(wave, optics, np.full(size, c1_m, dtype=np.float32), 0j, window)


def pair_shift(first: NDArray[np.float32], second: NDArray[np.float32], guess: complex, separation: complex) -> complex:
    """Shift x + iy in pixels of `second`: crops the overlap by the guess, then fits the cross-spectrum's phase ramp.

    The phase of a pair ±β is −2πq·s − (2π/λ)·C3·|θ|²·(θ·2β): the coma of the tilt, `separation` = 2β, is taken out.
    """
    gx, gy = round(guess.real), round(guess.imag)
    ny, nx = first.shape
    moving = second[max(0, gy) : ny + min(0, gy), max(0, gx) : nx + min(0, gx)]
    reference = first[max(0, -gy) : ny + min(0, -gy), max(0, -gx) : nx + min(0, -gx)]
    taper = np.hanning(moving.shape[0])[:, None] * np.hanning(moving.shape[1])[None]
    spectra = [np.fft.fft2((part - part.mean()) * taper) for part in (reference, moving)]
    fy, fx = np.fft.fftfreq(moving.shape[0])[:, None], np.fft.fftfreq(moving.shape[1])[None]
    theta = (fx + 1j * fy) * WAVELENGTH_M / PIXEL_M
    coma = 2 * np.pi / WAVELENGTH_M * 2.7e-3 * np.abs(theta) ** 2 * (np.conj(separation) * theta).real
    cross = np.conj(spectra[0]) * spectra[1] * np.exp(1j * coma)
    used = (np.hypot(fy, fx) < 0.2) & (np.hypot(fy, fx) > 0.01)
    shift = np.zeros(2)
    for _ in range(5):
        phase = np.angle(cross * np.exp(2j * np.pi * (fy * shift[0] + fx * shift[1])))[used]
        weight = np.sqrt(np.abs(cross[used]))
        grid = 2 * np.pi * np.stack([(fy + 0 * fx)[used], (fx + 0 * fy)[used]], axis=1)
        shift -= np.linalg.lstsq(grid * weight[:, None], phase * weight, rcond=None)[0]
    return complex(shift[1] + gx, shift[0] + gy)


def test_transfer_is_the_wave_aberration() -> None:
    """exp(−i(χ(β+θ) − χ(β) − 2π q·∇W(β))), compared with W computed directly in double precision."""
    lens = Aberrations(c1_m=-1.3e-6, a1_m=(40e-9, -25e-9), b2_m=(3e-6, -2e-6), c3_m=2.7e-3)
    optics = replace(IDEAL, lens=lens, tilt=complex(4e-3, -6e-3))
    got = transfer((64, 48), optics, lens.c1_m, 0j)
    fy, fx = np.fft.fftfreq(64)[:, None], np.fft.fftfreq(48)[None]
    theta = (fx + 1j * fy) * WAVELENGTH_M / PIXEL_M
    ramp = (np.conj(image_shift(optics.tilt, lens)) * theta).real
    difference = wave_aberration(optics.tilt + theta, lens) - wave_aberration(optics.tilt, lens) - ramp
    expected = np.exp(-2j * np.pi / WAVELENGTH_M * difference)
    alive = np.abs(got) > 0.05
    assert alive.mean() > 0.3
    # Phases of up to 100 rad in single precision: 100 · 2⁻²⁴ · a few operations < 1e-4 rad.
    assert np.abs(got[alive] / np.abs(got[alive]) - expected[alive]).max() < 1e-4


def test_envelopes_are_those_of_the_textbook() -> None:
    """exp[−(πα/λ)²|∇W(β+θ) − ∇W(β)|²] · exp[−½(πΔ/λ)²(|β+θ|² − β²)²]."""
    lens = Aberrations(c1_m=1.3e-6, a1_m=(40e-9, -25e-9), b2_m=(3e-6, -2e-6), c3_m=2.7e-3)
    beta = complex(4e-3, -6e-3)
    optics = replace(IDEAL, lens=lens, tilt=beta)
    got = np.abs(transfer((64, 48), optics, lens.c1_m, 0j))
    theta = (np.fft.fftfreq(48)[None] + 1j * np.fft.fftfreq(64)[:, None]) * WAVELENGTH_M / PIXEL_M
    moved = np.abs(image_shift(beta + theta, lens) - image_shift(beta, lens))
    spread = np.abs(beta + theta) ** 2 - abs(beta) ** 2
    source, focus = np.pi * 0.05e-3 / WAVELENGTH_M * moved, np.pi * 4e-9 / WAVELENGTH_M * spread
    assert got == pytest.approx(np.exp(-(source**2) - 0.5 * focus**2), abs=1e-4)


@pytest.mark.parametrize("c1_m", [-2e-6, -0.4e-6, 0.7e-6])
@pytest.mark.parametrize("tilt", [5e-3 + 0j, 3e-3 - 4e-3j])
def test_a_pair_is_shifted_by_the_gradient(c1_m: float, tilt: complex) -> None:
    """±β: the images stand ∇W(β) − ∇W(−β) apart, coma aside, to 0.01 pixel: 0.3 nm of defocus."""
    optics = replace(IDEAL, lens=Aberrations(a1_m=(60e-9, -40e-9), c3_m=2.7e-3))
    lens = optics.lens.with_defocus(c1_m)
    expected = complex(image_shift(tilt, lens) - image_shift(-tilt, lens)) / PIXEL_M
    pair = [image(replace(optics, tilt=sign * tilt), c1_m, size=(512, 512)) for sign in (-1, 1)]
    assert abs(pair_shift(*pair, expected, 2 * tilt) - expected) < 0.01


def test_an_overfocused_image_moves_with_the_tilt() -> None:
    """The sign, with nothing but a plain correlation: +β, C1 > 0 → +d."""
    optics = replace(IDEAL, lens=Aberrations())
    first, second = (image(replace(optics, tilt=complex(t, 0)), 1.5e-6) for t in (-2e-3, 2e-3))
    spectra = [np.fft.fft2(i - i.mean()) for i in (first, second)]
    peak = np.unravel_index(np.fft.ifft2(np.conj(spectra[0]) * spectra[1]).real.argmax(), SIZE)
    # d = 2 C1 β = 6 nm = 20 pixels along +x.
    assert abs(int(peak[1]) - 20) <= 1
    assert int(peak[0]) in (0, 1, SIZE[0] - 1)


@pytest.mark.parametrize("c1_m", [1e-6, -1e-6, 0.3e-6])
def test_a_weak_grating_has_the_contrast_transfer_function(c1_m: float) -> None:
    """φ = ε cos(2πq₀x) makes I = 1 + 2ε·sin χ(q₀)·E·cos(2πq₀x): phase is bright at overfocus."""
    optics = replace(IDEAL, lens=Aberrations(c3_m=2.7e-3))
    window = Window.of(optics, c1_m, SIZE)
    n = SIZE[0] + 2 * window.margin
    periods = n // 6
    q = periods / (n * PIXEL_M)
    x = np.arange(n) * PIXEL_M
    epsilon = 1e-3
    wave = np.exp(1j * epsilon * np.cos(2 * np.pi * q * x))[None].repeat(n, axis=0).astype(np.complex64)
    found = form_image(Field((wave,), 0.0), optics, np.full(SIZE, c1_m, dtype=np.float32), 0j, window)
    theta = WAVELENGTH_M * q
    lens = optics.lens.with_defocus(c1_m)
    chi = 2 * np.pi / WAVELENGTH_M * float(wave_aberration(complex(theta, 0), lens))
    envelope = abs(complex(transfer((1, n), replace(optics, lens=lens), c1_m, 0j)[0, periods]))
    place = x[window.margin : window.margin + SIZE[1]]
    expected = 1 + 2 * epsilon * np.sin(chi) * envelope * np.cos(2 * np.pi * q * place)
    # Second order of the wave: ε² = 1e-6, and single precision: some 1e-6.
    assert np.abs(found - expected[None]).max() < 1e-5


def test_nothing_wraps_around() -> None:
    """The field next door is the same image, moved; what comes into view is new and not what went out."""
    shifted, here = image(IDEAL, -1e-6, at=(0, 60)), image(IDEAL, -1e-6)
    rays = 1e-2  # of contrast 0.2: rays that the envelope at the field's margin still lets through
    assert np.abs(here[:, 60:] - shifted[:, :-60]).max() < rays
    entered, left = shifted[:, -60:], here[:, :60]
    assert abs(np.corrcoef(entered.ravel(), left.ravel())[0, 1]) < 5 / np.sqrt(entered.size / 4)


def test_the_cut_does_not_matter() -> None:
    """A tilted, far defocused image comes from a field cut 100 pixels away; it is the one that a huge field gives."""
    optics = replace(IDEAL, tilt=complex(8e-3, 0))
    c1_m = 4e-6
    small = image(optics, c1_m)
    large = image(optics, c1_m, at=(-128, -128), size=(512, 512))[128:-128, 128:-128]
    # The margin lets rays of exp(−6) of the amplitude pass, of contrast 0.2.
    assert np.abs(small - large).max() < 0.01


def test_aperture_cuts_the_beam() -> None:
    """Inside the aperture a vacuum is 1; outside it is dark: the image is |filtered wave|²."""
    window = Window.of(IDEAL, 0.0, SIZE)
    n = SIZE[0] + 2 * window.margin
    vacuum, heights = Field((np.ones((n, n), dtype=np.complex64),), 0.0), np.zeros(SIZE, dtype=np.float32)
    small = replace(IDEAL, aperture_rad=5e-3, aperture_centre=complex(2e-3, 0))
    for tilt, intensity in ((0j, 1.0), (6.9e-3 + 0j, 1.0), (-3.1e-3 + 0j, 0.0), (2e-3 + 5.1e-3j, 0.0)):
        found = form_image(vacuum, replace(small, tilt=tilt), heights, 0j, window)
        assert found == pytest.approx(intensity, abs=1e-6)


def test_a_dark_field_image_is_dark_but_not_empty() -> None:
    """With the direct beam cut off only scattered electrons make the image."""
    found = image(replace(IDEAL, tilt=complex(8e-3, 0), aperture_rad=6e-3), 0.0)
    assert 0 < found.mean() < 0.05
    assert found.min() >= 0


def test_tilted_specimen_is_blended_from_its_heights() -> None:
    """With a height that rises along y, each end of the image is that of its own height."""
    optics = replace(IDEAL, tilt=complex(5e-3, 0))
    rise = np.linspace(-60e-9, 60e-9, SIZE[0], dtype=np.float32)[:, None].repeat(SIZE[1], axis=1)
    window = Window.of(optics, 0.0, SIZE)
    wave = WAVES.cut(LATTICE, (0, 0), tuple(n + 2 * window.margin for n in SIZE))  # type: ignore[arg-type]
    blended = form_image(wave, optics, rise, 0j, window)
    for rows, height in ((slice(0, 3), -60e-9), (slice(-3, None), 60e-9)):
        flat = form_image(wave, optics, np.full(SIZE, height, dtype=np.float32), 0j, window)
        other = form_image(wave, optics, np.full(SIZE, -height, dtype=np.float32), 0j, window)
        assert np.corrcoef(blended[rows].ravel(), flat[rows].ravel())[0, 1] > 0.99
        assert np.corrcoef(blended[rows].ravel(), other[rows].ravel())[0, 1] < 0.9


def test_lit_area_is_a_disc_about_its_centre() -> None:
    """Its centre of mass is where the optics say, and its area is πr²."""
    optics = replace(IDEAL, lit_radius_m=20e-9, lit_centre_m=complex(6e-9, -3e-9))
    lit = illumination(optics, SIZE, 1e-9)
    y, x = (np.arange(n) - n // 2 for n in SIZE)
    assert (lit * x[None]).sum() / lit.sum() * PIXEL_M == pytest.approx(6e-9, abs=0.1 * PIXEL_M)
    assert (lit * y[:, None]).sum() / lit.sum() * PIXEL_M == pytest.approx(-3e-9, abs=0.1 * PIXEL_M)
    assert lit.sum() * PIXEL_M**2 == pytest.approx(np.pi * 20e-9**2, rel=0.01)


def test_slices_are_sheared_by_the_tilt() -> None:
    """Two thin gratings 100 nm apart in height: each moves by its own C1·β, about the mid-plane."""
    n = SIZE[0] + 2 * Window.of(IDEAL, 0.0, SIZE).margin
    periods = n // 40
    q = periods / (n * PIXEL_M)
    grating = np.exp(1e-3j * np.cos(2 * np.pi * q * PIXEL_M * np.arange(n)))[None].repeat(n, axis=0)
    empty = np.ones((n, n))
    tilt, c1_m, thickness = 5e-3, 1e-6, 200e-9
    optics = replace(IDEAL, lens=Aberrations(), tilt=complex(tilt, 0), convergence_rad=1e-9, focal_spread_m=0.0)
    waves = []
    for order in ((grating, empty), (empty, grating)):
        window = Window.of(optics, c1_m, SIZE)
        window = Window(window.whole_px, (n - SIZE[0]) // 2)
        field = Field(tuple(s.astype(np.complex64) for s in order), thickness)
        found = form_image(field, optics, np.full(SIZE, c1_m, dtype=np.float32), 0j, window)
        x = np.arange(SIZE[1]) * PIXEL_M
        waves.append((found - found.mean()).mean(axis=0) @ np.exp(-2j * np.pi * q * x))
    # The upper slice (first) is more overfocused by half the thickness, 100 nm: it stands 0.5 nm further along +x.
    apart = np.angle(waves[1] / waves[0]) / (2 * np.pi * q)
    # The view holds no whole number of periods: a leak of a few per cent.
    assert apart == pytest.approx(0.5 * thickness * tilt, rel=0.05)


def test_one_slice_and_many_agree_untilted() -> None:
    """A 50 nm specimen without tilt: its slices, 25 nm apart in focus, change the image little."""
    many = ExitWaves(Specimen(SpecimenMagnitudes(slices=2, roughness=0.0), 200e3, 1), 0.07, 1)
    window = Window.of(IDEAL, -1e-6, SIZE)
    shape = (SIZE[0] + 2 * window.margin, SIZE[1] + 2 * window.margin)
    field = many.cut(LATTICE, (0, 0), shape)
    product = Field((field.slices[0] * field.slices[1],), 0.0)
    heights = np.full(SIZE, -1e-6, dtype=np.float32)
    two, one = (form_image(f, IDEAL, heights, 0j, window) for f in (field, product))
    assert two.mean() == pytest.approx(one.mean(), rel=1e-3)
    assert np.corrcoef(two.ravel(), one.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("mode", modes(Magnitudes()), ids=lambda mode: mode.preset.name)
@pytest.mark.parametrize("c1_m", [-500e-6, -20e-6, 2e-6, 200e-6])
@pytest.mark.parametrize("tilt", [0.0, 10e-3])
def test_far_rays_are_damped_before_they_wrap(mode: Mode, c1_m: float, tilt: float) -> None:
    """At any magnification and defocus, what the lens displaces beyond the margin has no amplitude left.

    The sampled χ would alias there; the envelope of convergence is exp(−(πα/λ · displacement)²) ≤ exp(−6).
    """
    optics = replace(
        IDEAL,
        tilt=complex(tilt, 0),
        convergence_rad=mode.relative_convergence * 0.05e-3,
        pixel_m=mode.preset.pixel_m,
    )
    window = Window.of(optics, c1_m, mode.preset.size)
    n = 256  # frequencies enough to see them all
    amplitude = np.abs(transfer((n, n), optics, c1_m, 0j))
    f = np.fft.fftfreq(n)
    theta = (f[None] + 1j * f[:, None]) * WAVELENGTH_M / optics.pixel_m
    lens = optics.lens.with_defocus(c1_m)
    displaced = np.abs(image_shift(optics.tilt + theta, lens) - image_shift(optics.tilt, lens)) / optics.pixel_m
    assert amplitude[displaced > window.margin].max(initial=0) < 1.05 * np.exp(-6)
