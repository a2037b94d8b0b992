"""Pairs by another package: abTEM 1.0 (multislice and lens), amorphous carbon of random atoms, truly tilted waves.

What was checked of abTEM's conventions, from physics and not from our results (`python -m benchmarks.multislice`):
 - its waves go as exp(+2πikz): behind an atom the phase is ahead, and a wave exp(+2πi k·r) travels towards +k;
 - its `C10` is our C1: applying C10 = +L gives the wave that its own multislice finds a length L of vacuum further
   down. A lens that images a plane below the specimen is too strong: overfocus. (Its `defocus` is −C10.)
 - a slice's potential acts at the slice's entrance, and the wave then goes the whole slice: the film stands half a
   slice higher than its atoms are written, so that C1 of its mid-plane is larger by that half (0.5 nm);
 - the first axis of its arrays is its x. Here array axes are called y, x; a random film and a round lens don't care.

The illumination is a plane wave that carries its tilt through the specimen, a whole number of waves across the
periodic box; the lens acts about the optical axis. C1 is stated of the specimen's mid-plane: the exit wave is half
the thickness further down, where C1 is smaller by that half. The box is larger than the image by more than the shift,
and the image is cut from its middle after the imaging: nothing wraps around.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.atoms import scatter_atoms
from benchmarks.physics import Array, Lens, wavelength
from benchmarks.seeds import Seed, stream
from benchmarks.texture import Texture
from benchmarks.weak_phase import Case, Pair

SAMPLES = 2304
STEP_M = 0.03e-9
SLICE_M = 1e-9
BINNING = 4
IMAGE = 448
CACHE = Path(__file__).parent / ".cache"

# Three-point Gauss–Hermite rule of a normal distribution: exact to fifth order.
_SPREAD = ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6))


@dataclass(frozen=True, slots=True)
class Slab:
    """A film of carbon and the tilts that it is seen under."""

    voltage_v: float
    thickness_m: float
    tilts_rad: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A lens setting and a dose. `lens_c1_m`: C1 at the middle of the box; the film acts half a slice higher."""

    lens_c1_m: float
    c3_m: float
    electrons_per_a2: float


SLABS = (
    Slab(200e3, 5e-9, (4e-3, 8e-3)),
    Slab(300e3, 10e-9, (5e-3, 10e-3)),
    Slab(300e3, 20e-9, (3e-3, 6e-3)),
)
VIEWS = (
    View(-0.3e-6, 2.7e-3, 10),
    View(-0.6e-6, 2.7e-3, 20),
    View(0.4e-6, 1.2e-3, 10),
    View(-0.5e-6, 0.0, 20),
)


def available() -> bool:
    """Whether abTEM is installed (`pip install .[bench]`)."""
    return find_spec("abtem") is not None


def _abtem() -> Any:
    import abtem  # noqa: PLC0415  (GPL and heavy: only here, only when asked for)

    abtem.config.set({"device": "cpu", "dask.lazy": False, "local_diagnostics.progress_bar": False})
    return abtem


def tilt_on_grid(voltage_v: float, tilt_rad: float) -> tuple[int, float]:
    """The whole number of waves across the box nearest to a tilt, and the tilt that it stands for."""
    step = wavelength(voltage_v) / (SAMPLES * STEP_M)
    waves = round(tilt_rad / step)
    return waves, waves * step


def case_of(slab: Slab, view: View, tilt_rad: float) -> Case:
    """The same setting in the words of the weak-phase generator: gives truth and defocus; its spectrum is not used."""
    pixel = STEP_M * BINNING
    return Case(
        voltage_v=slab.voltage_v,
        c3_m=view.c3_m,
        c1_m=view.lens_c1_m + SLICE_M / 2,
        tilt_rad=tilt_on_grid(slab.voltage_v, tilt_rad)[1],
        pixel_m=pixel,
        electrons_per_px=view.electrons_per_a2 * (pixel / 1e-10) ** 2,
        texture=Texture.CARBON,
        thickness_m=slab.thickness_m,
        size=(IMAGE, IMAGE),
    )


def _exit_waves(slab: Slab, rng: np.random.Generator) -> Iterator[tuple[float, int, Any]]:
    """(tilt, sign, exit wave) of one film for each of its tilts and both signs, tilted along +x (second axis)."""
    abtem = _abtem()
    from ase import Atoms  # noqa: PLC0415

    side, depth = SAMPLES * STEP_M * 1e10, slab.thickness_m * 1e10  # Å
    places = scatter_atoms(side, depth, per_a3=0.1, distance=1.3, seed=int(rng.integers(2**31)))
    film = Atoms(np.full(len(places), 6), positions=places, cell=(side, side, depth), pbc=True)
    potential = abtem.Potential(
        film, gpts=(SAMPLES, SAMPLES), slice_thickness=SLICE_M * 1e10, projection="infinite"
    ).build(lazy=False)
    x = np.arange(SAMPLES) / SAMPLES
    for tilt in slab.tilts_rad:
        waves, _ = tilt_on_grid(slab.voltage_v, tilt)
        for sign in (-1, 1):
            beam = abtem.PlaneWave(energy=slab.voltage_v, gpts=SAMPLES, extent=side).build(lazy=False)
            beam.array[:] *= np.exp(2j * np.pi * sign * waves * x)[None, :].astype(np.complex64)
            yield tilt, sign, beam.multislice(potential)


def _image(exit_wave: Any, lens: Lens, thickness_m: float) -> Array:
    """Camera image (mean about 1) with focal spread; C1 of the lens counts from the middle of the box."""
    abtem = _abtem()
    total = np.zeros((SAMPLES, SAMPLES), dtype=np.float32)
    for place, weight in _SPREAD:
        c10 = lens.c1_m - thickness_m / 2 + place * lens.focal_spread_m
        ctf = abtem.CTF(energy=lens.voltage_v, C10=c10 * 1e10, C30=lens.c3_m * 1e10)
        total += np.float32(weight) * np.abs(exit_wave.apply_ctf(ctf).array) ** 2
    binned = total.reshape(SAMPLES // BINNING, BINNING, SAMPLES // BINNING, BINNING).mean(axis=(1, 3))
    start = (binned.shape[0] - IMAGE) // 2
    return np.asarray(binned[start : start + IMAGE, start : start + IMAGE])


def _cache_file(slab: Slab) -> Path:
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    return CACHE / f"multislice_{slab.voltage_v / 1e3:.0f}kv_{slab.thickness_m * 1e9:.0f}nm_{int(Seed.MULTISLICE)}.npz"


def clean_images(number: int) -> dict[str, Array]:
    """Noise-free images of slab `number`, by "tilt/view/sign"; made once and kept in benchmarks/.cache."""
    slab = SLABS[number]
    file = _cache_file(slab)
    if not file.exists():
        images: dict[str, Array] = {}
        for tilt, sign, exit_wave in _exit_waves(slab, stream(Seed.MULTISLICE, number)):
            for index, view in enumerate(VIEWS):
                lens = Lens(voltage_v=slab.voltage_v, c3_m=view.c3_m, c1_m=view.lens_c1_m)
                images[f"{tilt:g}/{index}/{sign:+d}"] = _image(exit_wave, lens, slab.thickness_m)
        stored: dict[str, Any] = {name.replace("/", "|"): image for name, image in images.items()}
        np.savez_compressed(file, **stored)
    with np.load(file) as kept:
        return {name.replace("|", "/"): kept[name] for name in kept.files}


def make_pairs(repeats: int = 1) -> Iterator[Pair]:
    """All pairs of all films, `repeats` exposures of each with new shot noise. Truth: `pair.case`."""
    for number, slab in enumerate(SLABS):
        images = clean_images(number)
        for place, tilt in enumerate(slab.tilts_rad):
            for index, view in enumerate(VIEWS):
                case = case_of(slab, view, tilt)
                for repeat in range(repeats):
                    rng = stream(Seed.MULTISLICE, number, place, index, repeat)
                    both = [images[f"{tilt:g}/{index}/{sign:+d}"] for sign in (-1, 1)]
                    noisy = [rng.poisson(image * case.electrons_per_px).astype(np.float32) for image in both]
                    yield Pair(noisy[0], noisy[1], case)


def check_conventions() -> dict[str, float]:
    """How far the wave that abTEM finds behind an atom and some vacuum is from the wave of a thin slice with a C10.

    One atom at 200 kV; largest difference over the plane relative to the largest effect of the atom.
    """
    abtem = _abtem()
    from ase import Atoms  # noqa: PLC0415

    def behind(depth: float, length: float, step: float) -> Any:
        atom = Atoms("C", positions=[(10, 15, depth)], cell=(40.0, 40.0, length))
        potential = abtem.Potential(atom, sampling=0.1, slice_thickness=step, projection="infinite")
        return abtem.PlaneWave(energy=200e3).multislice(potential)

    def apart(c10: float, far: Any) -> float:
        lensed = near.apply_ctf(abtem.CTF(energy=200e3, C10=c10)).array
        return float(np.abs(lensed - far.array).max() / np.abs(near.array - 1).max())

    near = behind(0.25, 0.5, 0.5)  # Å: as thin as can be; its atom acts at the entrance, 0.5 Å above the exit
    vacuum, slice_ = behind(0.25, 200.5, 0.5), behind(5.0, 10.0, 10.0)
    return {
        "20 nm of vacuum, C10 = +20 nm": apart(200, vacuum),
        "20 nm of vacuum, C10 = −20 nm": apart(-200, vacuum),
        "atom in the middle of a 1 nm slice, as if 1 nm above the exit": apart(9.5, slice_),
        "atom in the middle of a 1 nm slice, as if 0.5 nm above the exit": apart(4.5, slice_),
    }


if __name__ == "__main__":
    for name, size in check_conventions().items():
        print(f"{name}: differs by {size:.1%}")
    for slab_number in range(len(SLABS)):
        print(SLABS[slab_number], len(clean_images(slab_number)), "images")
