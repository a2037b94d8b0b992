"""Real micrographs: imposed shifts, two exposures of one scene, and scenes with nothing in common.

The files stand beside the repository, in ../shared/data (see MANIFEST.md there); without them these tests are skipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eucentric.correlation.register import register
from eucentric.correlation.shift import FixedPattern
from eucentric.images.files import read_frame
from tests.correlation.pairs import distance

DATA = Path(__file__).parents[3] / "shared" / "data"
MICROGRAPHS = ["epu2.9_crop1536_0.6666A_300kV.mrc", "fei_extended_bin2_crop1024_1.7076A_300kV.mrc"]


def pixels(*parts: str) -> NDArray[np.float64]:
    """A stored image, or a skip that says which is missing."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} in ../shared/data")
    return np.asarray(read_frame(path).pixels, dtype=np.float64)


def binned(image: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Sums over factor × factor pixels."""
    ny, nx = (n // factor * factor for n in image.shape)
    return np.asarray(image[:ny, :nx].reshape(ny // factor, factor, nx // factor, factor).sum(axis=(1, 3)))


def exposures(seed: int, image: NDArray[np.float64], shift: tuple[int, int], side: int) -> list[NDArray[np.float64]]:
    """Two windows, `shift` apart, with added noise of their own.

    The stored image has its own noise, common to both windows and moving with the specimen; here new Gaussian noise of
    that image's rms is added to each, so that the common part has half of the power at most.
    """
    rng = np.random.default_rng(seed)
    (ny, nx), (sy, sx) = image.shape, shift
    y, x = (ny - side - abs(sy)) // 2 + max(0, sy), (nx - side - abs(sx)) // 2 + max(0, sx)
    spread = image.std()
    windows = (image[y : y + side, x : x + side], image[y - sy : y - sy + side, x - sx : x - sx + side])
    return [w + spread * rng.standard_normal(w.shape) for w in windows]


@pytest.mark.parametrize("name", MICROGRAPHS)
@pytest.mark.parametrize("shift", [(31, -44), (-90, 60), (0, 128), (150, 140)])
def test_windows_of_a_micrograph(name: str, shift: tuple[int, int]) -> None:
    """Frozen-hydrated specimens, binned by 2: right to four stated sigmas, and certain."""
    image = binned(pixels("cryo_mic", name), 2)
    one, two = exposures(1, image, shift, 340)
    found = register(one, two)
    assert found.sigma_px is not None
    assert found.false_lock_probability < 1e-6
    assert distance(found.shift_px, shift) < 4 * np.hypot(*found.sigma_px) + 0.01
    assert distance(found.shift_px, shift) < 0.2


@pytest.mark.parametrize("name", MICROGRAPHS)
def test_windows_with_nothing_in_common(name: str) -> None:
    """Windows of one micrograph that do not overlap: same specimen, camera and optics, other molecules."""
    image = binned(pixels("cryo_mic", name), 2)
    for one, two in [
        (image[:200, :200], image[-200:, -200:]),
        (image[:200, -200:], image[-200:, :200]),
        (image[:200, :200], image[:200, -200:]),
    ]:
        found = register(one, two)
        assert found.false_lock_probability > 1e-6 or found.fixed_pattern is FixedPattern.INDISTINGUISHABLE


@pytest.mark.parametrize("scene", ["val", "train"])
def test_two_exposures_of_one_scene(scene: str) -> None:
    """512² of very low dose, 0 to 1 px apart: right or refused, never elsewhere and believed."""
    one, two = (pixels("noise_pairs", f"katsuno_lowdose_{scene}_000{n}.tif") for n in (1, 2))
    found = register(one, two)
    believed = found.false_lock_probability < 1e-6 and (found.runner_up is None or found.runner_up.odds > 1e3)
    assert not believed or max(np.abs(found.shift_px)) < 2.0


def test_two_scenes_have_nothing_in_common() -> None:
    one, two = (pixels("noise_pairs", f"katsuno_lowdose_{scene}_0001.tif") for scene in ("val", "train"))
    found = register(one, two)
    assert found.false_lock_probability > 1e-6 or found.fixed_pattern is FixedPattern.INDISTINGUISHABLE


@pytest.mark.parametrize("shift", [(24, -18), (-60, 75)])
def test_windows_of_low_magnification(shift: tuple[int, int]) -> None:
    """A hole area at low magnification: holes in a row. Right within a pixel, or ambiguous."""
    image = pixels("lowmag", "08mar13e_00010gr_00004sq_v02_00005hl.mrc")
    one, two = exposures(2, image, shift, min(image.shape) - 120)
    found = register(one, two)
    believed = found.false_lock_probability < 1e-6 and (found.runner_up is None or found.runner_up.odds > 1e3)
    assert not believed or distance(found.shift_px, shift) < 1.0


def test_empty_micrographs_are_not_believed() -> None:
    """An empty hole and empty ice of one session: the camera's pattern at most."""
    folders = ["3Empty_no_ice", "5Empty_ice_no_particles_but_vitreous_ice"]
    names = [
        "18dec17a_grid3_00085gr_00105sq_00003hl_00011en-a.png",
        "18dec17a_grid3_00119gr_00088sq_00007hl_00009en-a.png",
    ]
    one, two = (pixels("quality_cases", folder, name) for folder, name in zip(folders, names, strict=True))
    one, two = (image[:480, :480] for image in (one, two))
    found = register(one, two)
    assert found.false_lock_probability > 1e-6 or found.fixed_pattern is FixedPattern.INDISTINGUISHABLE
