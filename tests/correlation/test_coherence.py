"""Ring-wise powers and the pair's model on the plane."""

from __future__ import annotations

import numpy as np
import pytest

from eucentric.correlation.coherence import expected, measured, ramp
from eucentric.correlation.rings import rings
from eucentric.images.prepare import prepare
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics
from tests.correlation.pairs import cut, moved, shifted_pair, texture


def test_ramp_undoes_a_shift() -> None:
    """Transform of field(r − s), times e^{2πi q·s}, is the transform of the field (complex64: 1e-5)."""
    field = texture(np.random.default_rng(0), (60, 64))
    shift = (3.3, -7.8)
    grid = rings(60, 64)
    back = np.fft.rfft2(moved(field, shift)) * ramp(grid, np.array(shift))
    there = np.fft.rfft2(field)
    assert np.abs(back - there).max() < 1e-5 * np.abs(there).max()


@pytest.mark.parametrize("unit", [1e-3, 7.0, 1e4])
def test_whitening_takes_the_unit_out(unit: float) -> None:
    """The same images in other units: the same whitened cross-spectrum and powers, in all rings (float32: 1e-4)."""
    pair = shifted_pair(0, (10.0, -7.0), shape=(120, 140))
    spectra = [
        cut(prepare(a * pair.reference), prepare(pair.moving), (10, -7)) for a in (np.float32(1), np.float32(unit))
    ]
    assert spectra[0] is not None
    assert spectra[1] is not None
    grid = rings(*spectra[0].shape)
    one, two = (measured(s, grid) for s in spectra if s is not None)
    used = grid.multiplicity > 0
    scale = np.abs(one.cross[used]).max()
    assert np.abs(one.cross - two.cross)[used].max() < 1e-4 * scale
    filled = grid.count > 0
    assert one.first[filled] * one.second[filled] == pytest.approx(two.first[filled] * two.second[filled], rel=1e-3)


def test_whitened_powers_are_near_one() -> None:
    """Geometric mean over each stretch of rings is 1: a spectrum that spans e⁹ is even to a factor of e² or so."""
    pair = shifted_pair(0, (10.0, -7.0), shape=(256, 256), dose=500)
    spectra = cut(prepare(pair.reference), prepare(pair.moving), (10, -7))
    assert spectra is not None
    grid = rings(*spectra.shape)
    data = measured(spectra, grid)
    middle = (grid.count > 0) & (grid.centre > 0.06) & (grid.centre < 0.45)
    size = np.log(data.first * data.second)[middle] / 2
    assert np.abs(size).max() < 2
    assert abs(size.mean()) < 0.2


def test_without_optics_nothing_is_modelled() -> None:
    grid = rings(64, 80)
    model = expected(grid, None, c1_m=0.0, c1_sigma_m=0.0, side=64)
    assert model.phase is None
    assert (model.size == 1).all()
    assert (model.moment == grid.count).all()


def test_model_of_a_pair_is_a_phase_and_a_size() -> None:
    """|phase| = 1 wherever there is any contrast; sums are those of the plane."""
    grid = rings(64, 80)
    pair = PairOptics(0.3e-9, Column(200e3, 2.7e-3), (0.0, -8e-3), (0.0, 8e-3))
    model = expected(grid, pair, c1_m=-1e-6, c1_sigma_m=20e-9, side=64)
    assert model.phase is not None
    seen = model.size > 1e-6
    assert np.abs(np.abs(model.phase[seen]) - 1).max() < 1e-5
    assert model.moment == pytest.approx(grid.total(model.size**2), rel=1e-6)
    # Cauchy–Schwarz: the shared contrast is no more than both images' own (damping acts on both alike).
    assert (model.size**2 <= model.power_first * model.power_second * (1 + 1e-3) + 1e-6).all()
