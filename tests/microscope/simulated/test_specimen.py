"""The specimen: the same place looks the same again, at every magnification, and all that is promised is there."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.microscope.simulated.dose import Dosed, DoseMemory
from eucentric.microscope.simulated.exit_wave import ExitWaves, Lattice
from eucentric.microscope.simulated.magnitudes import SpecimenMagnitudes
from eucentric.microscope.simulated.specimen import Specimen
from eucentric.microscope.simulated.texture import OCTAVES_M, rough, value_noise, white
from eucentric.optics.electron import interaction_rad_per_vm

FLAT = SpecimenMagnitudes(height_m=3e-6)


def places(centre_m: tuple[float, float], spacing_m: float, n: int = 64) -> tuple[NDArray[np.float64], ...]:
    at = (np.arange(n) - n // 2) * spacing_m
    y, x = np.meshgrid(at + centre_m[0], at + centre_m[1], indexing="ij")
    return y, x


def test_white_noise_belongs_to_its_place() -> None:
    """Any two cuts agree where they overlap, also across tile borders and at negative places."""
    whole = white(5, 0, (-300, -300), (600, 600))
    part = white(5, 0, (-10, 200), (40, 90))
    assert np.array_equal(part, whole[290:330, 500:590])
    assert np.array_equal(whole, white(5, 0, (-300, -300), (600, 600)))


def test_white_noise_is_white_and_unit() -> None:
    """Mean 0, variance 1, no neighbour correlation, within 5σ of 360 000 numbers."""
    noise = white(5, 1, (-300, -300), (600, 600)).astype(float)
    sigma = 1 / np.sqrt(noise.size)
    assert abs(noise.mean()) < 5 * sigma
    assert abs(noise.var() - 1) < 5 * np.sqrt(2) * sigma
    assert abs((noise[:, 1:] * noise[:, :-1]).mean()) < 5 * sigma
    # Tiles do not repeat.
    assert abs((noise[:256, :256] * noise[256:512, :256]).mean()) < 5 / 256


def test_value_noise_is_continuous_everywhere() -> None:
    """A small step changes it little, also over a lattice line and at zero."""
    y = np.linspace(-3, 3, 601)[:, None].repeat(2, axis=1)
    x = np.full_like(y, 0.3)
    x[:, 1] = -0.7
    noise = value_noise(3, y, x)
    # Slope: at most 1.5 (the fade's) times the difference of two nodes (2√3 each way) per unit.
    assert np.abs(np.diff(noise, axis=0)).max() < 1.5 * 2 * np.sqrt(3) * 0.01 * 1.01
    assert 0.1 < noise.var() < 2


def test_roughness_is_the_same_at_every_sampling() -> None:
    """Points of a coarse grid that are also points of a fine one carry the same value."""
    y, x = places((1e-6, -2e-6), 4e-9)
    octaves = (OCTAVES_M[0], 2 * OCTAVES_M[-1])
    assert np.array_equal(rough(9, y, x, octaves)[::4, ::4], rough(9, y[::4, ::4], x[::4, ::4], octaves))


def test_coarse_features_are_shared_by_presets() -> None:
    """A hole's edge seen at 0.3 nm and at 5 nm pixels: the mean phase agrees."""
    specimen = Specimen(FLAT.model_copy(update={"contamination": 0.0}), 200e3, 4)
    hole = specimen.hole_m(0, 0)
    edge = (hole[0] + 1e-6, hole[1])
    fine = specimen.layer(*places(edge, 0.3e-9, 512), 0.3e-9).phase_rad
    coarse = specimen.layer(*places(edge, 5e-9, 32), 5e-9).phase_rad
    binned = fine[: 500 // 50 * 50, : 500 // 50 * 50].reshape(10, 50, 10, 50).mean(axis=(1, 3))
    start = 16 - round(256 * 0.3 / 5)
    block = coarse[start:, start:]
    # 15 nm blocks against points 5 nm apart: compare block means.
    small = block[:30, :30].reshape(10, 3, 10, 3).mean(axis=(1, 3))
    assert np.corrcoef(binned.ravel(), small.ravel())[0, 1] > 0.95


def test_holes_are_a_lattice() -> None:
    """R2/1: neighbouring holes are 3 µm apart, and the session starts on film."""
    specimen = Specimen(FLAT, 200e3, 4)
    assert np.hypot(*np.subtract(specimen.hole_m(0, 0), specimen.hole_m(0, 1))) == pytest.approx(3e-6)
    for seed in range(30):
        other = Specimen(FLAT, 200e3, seed)
        nearest = min(np.hypot(*other.hole_m(r, c)) for r in range(-2, 3) for c in range(-2, 3))
        assert nearest > 1e-6 + 0.5e-6


def test_film_and_ice_have_their_mean_inner_potential() -> None:
    """φ = σ V t: film with ice, a hole with its thinner ice, an empty hole with nothing."""
    bare = FLAT.model_copy(update={"roughness": 0.0, "contamination": 0.0})
    specimen = Specimen(bare, 200e3, 4)
    sigma = interaction_rad_per_vm(200e3)
    on_film = specimen.layer(*places((0.0, 0.0), 1e-9), 1e-9)
    assert on_film.phase_rad == pytest.approx(sigma * (9.0 * 20e-9 + 3.5 * 30e-9), rel=1e-4)
    empty = specimen.layer(*places(specimen.empty_hole_m(), 1e-9), 1e-9)
    assert np.abs(empty.phase_rad).max() == 0
    assert np.abs(empty.texture_rad_m).max() == 0
    assert np.hypot(*specimen.empty_hole_m()) < 15e-6


def test_grid_bar_is_dark() -> None:
    """A bar lets 2 % of the amplitude through; the start is far from it."""
    specimen = Specimen(FLAT, 200e3, 4)
    assert specimen.layer(*places(specimen.grid_bar_m(), 5e-9), 5e-9).transmission == pytest.approx(0.02)
    assert specimen.layer(*places((0.0, 0.0), 40e-9), 40e-9).transmission == pytest.approx(1.0)


def test_contamination_is_thick() -> None:
    """Over 100 µm² some particles add radians of phase."""
    bare = SpecimenMagnitudes(roughness=0.0, contamination=1.0)
    phase = Specimen(bare, 200e3, 4).layer(*places((5e-6, 5e-6), 20e-9, 512), 20e-9).phase_rad
    assert phase.max() > 3


def test_height_is_as_given_and_tilted() -> None:
    """At the origin the height asked for; elsewhere slope and waves, within their bounds."""
    specimen = Specimen(FLAT, 200e3, 4)
    zero = np.zeros((1, 1))
    assert specimen.height_m(zero, zero)[0, 0] == pytest.approx(3e-6)
    y, x = places((0.0, 0.0), 1e-6, 80)
    change = specimen.height_m(y, x) - 3e-6
    assert 1e-7 < np.abs(change).max() < 17e-3 * 57e-6 + 4 * 1.5e-6
    flat = Specimen(FLAT.model_copy(update={"film_slope_rad": 0.0, "bend_m": 0.0}), 200e3, 4)
    assert flat.height_m(y, x) == pytest.approx(3e-6)


def test_first_exposures_move_the_ice() -> None:
    """The motion saturates with dose: 1 − e⁻¹ of it after the stated dose."""
    specimen = Specimen(FLAT, 200e3, 4)
    hole = specimen.hole_m(0, 0)
    by_dose = {dose: specimen.first_motion(*hole, Dosed(dose, 1.0)) for dose in (0.0, 4e20, 1e23)}
    assert by_dose[0.0].moved_m == 0
    assert abs(by_dose[4e20].moved_m) == pytest.approx(3e-9 * (1 - np.exp(-1)))
    assert abs(by_dose[1e23].moved_m) == pytest.approx(3e-9)
    assert by_dose[4e20].velocity_m_per_s == 0
    # Film holds the ice: 0.3 of it.
    assert abs(specimen.first_motion(0.0, 0.0, Dosed(1e23, 1.0)).moved_m) == pytest.approx(0.9e-9)


def test_first_motion_may_decay_with_time() -> None:
    """Then s = s∞(1 − e^(−t/τ)) whatever the dose, and it moves with s∞/τ·e^(−t/τ) meanwhile."""
    specimen = Specimen(FLAT.model_copy(update={"first_motion_s": 2.0}), 200e3, 4)
    hole = specimen.hole_m(0, 0)
    for seconds in (0.0, 2.0, 6.0):
        motion = specimen.first_motion(*hole, Dosed(1e23, seconds))
        left = np.exp(-seconds / 2.0)
        assert abs(motion.moved_m) == pytest.approx(3e-9 * (1 - left))
        assert abs(motion.velocity_m_per_s) == pytest.approx(1.5e-9 * left)


def test_what_a_place_has_had() -> None:
    """Discs add up, and the clock runs from the first that met the place."""
    memory = DoseMemory()
    memory.add(0j, 1e-6, 1e20, 10.0)
    memory.add(0.8e-6 + 0j, 1e-6, 2e20, 12.0)
    assert memory.at(0j, 15.0) == Dosed(3e20, 5.0)
    assert memory.at(1.5e-6 + 0j, 15.0) == Dosed(2e20, 3.0)
    assert memory.at(3e-6j, 15.0) == Dosed(0.0, 0.0)


def test_exit_wave_cuts_agree() -> None:
    """Two overlapping cuts are identical where they overlap; a weak texture's variance is N S (∫V)² t σ² / p²."""
    waves = ExitWaves(Specimen(FLAT.model_copy(update={"roughness": 0.0}), 200e3, 4), 0.07, 4)
    lattice = Lattice(2, 0.3e-9, 0.4, 0.0)
    first, second = (
        waves.cut(lattice, origin, shape).slices[0]
        for origin, shape in (((-300, -40), (300, 280)), ((-100, 10), (60, 70)))
    )
    assert np.array_equal(first[200:260, 50:120], second)
    phase = np.angle(first * np.exp(-1j * np.angle(first.mean())))
    sigma = interaction_rad_per_vm(200e3)
    expected = sigma**2 * (0.7e-27 * 20e-9 + 0.3e-27 * 30e-9) / (0.3e-9) ** 2
    # 84 000 independent points: the variance is known to 0.5 %; three sigma.
    assert phase.var() == pytest.approx(expected, rel=0.015)


def _phase(waves: ExitWaves, lattice: Lattice, place: complex) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Phase of 128² lattice points about a place, less its mean."""
    point = lattice.point(place)
    wave = waves.cut(lattice, (round(point.imag) - 64, round(point.real) - 64), (128, 128)).slices[0]
    return np.asarray(np.angle(wave * np.exp(-1j * np.angle(wave.mean()))), dtype=np.float32)


@pytest.mark.parametrize("turn", [0.0, 0.5, 2.2])
def test_on_a_tilted_specimen_texture_is_denser_and_stays_white(turn: float) -> None:
    """At 60° the beam's way is twice as long: variance twice as large; neighbours know nothing of each other."""
    waves = ExitWaves(Specimen(FLAT.model_copy(update={"roughness": 0.0}), 200e3, 4), 0.07, 4)
    flat, tilted = (_phase(waves, Lattice(2, 0.3e-9, turn, alpha), 0j) for alpha in (0.0, np.pi / 3))
    # 16384 independent points each: their variances are known to 1.1 %, the ratio to 1.6 %; three sigma.
    assert tilted.var() / flat.var() == pytest.approx(2.0, rel=0.05)
    for one, other in ((tilted[1:], tilted[:-1]), (tilted[:, 1:], tilted[:, :-1]), (tilted[1:, 1:], tilted[:-1, :-1])):
        # 16000 products: 0.8 % each; four sigma.
        assert abs(float((one * other).mean()) / tilted.var()) < 0.032


def test_texture_stays_with_its_place_when_the_stage_tilts() -> None:
    """Far from the origin, where foreshortening by cos α is many pixels: 50 µm, 1° about 20°, 5 nm pixels.

    Rounding to the nearest point moves each by up to half a pixel in each direction: most agree, and none do elsewhere.
    """
    waves = ExitWaves(Specimen(FLAT.model_copy(update={"roughness": 0.0}), 200e3, 4), 0.07, 4)
    place = 3e-6 + 50e-6j
    before, after = (_phase(waves, Lattice(1, 5e-9, 0.5, np.radians(d)), place) for d in (19.5, 20.5))
    spectrum = np.conj(np.fft.fft2(before)) * np.fft.fft2(after)
    correlation = np.fft.ifft2(spectrum).real / (before.size * before.std() * after.std())
    # The peak shares its height with the four pixels round its true place.
    near = correlation[np.ix_([-2, -1, 0, 1, 2], [-2, -1, 0, 1, 2])]
    assert near.max() > 0.25
    # Elsewhere 1/√16384 rms: five sigma.
    correlation[np.ix_([-2, -1, 0, 1, 2], [-2, -1, 0, 1, 2])] = 0
    assert np.abs(correlation).max() < 0.045


def test_a_tilted_stage_foreshortens() -> None:
    """At 60° a lattice point stands for twice the way across the tilt axis, and the same along it."""
    lattice = Lattice(0, 1e-9, 0.0, np.pi / 3)
    point = lattice.point(complex(5e-9, 8e-9))
    assert point == pytest.approx(complex(5, 4))
    assert complex(lattice.places(np.array([4.0]), np.array([5.0]))[0]) == pytest.approx(complex(5e-9, 8e-9))
