"""Claim 4: how far the images may be apart. Overlaps of 10 % and more, along either axis and diagonally, odd sizes.

Found: within 3 px (and 6 stated σ) of the truth, and accepted. Right but refused counts as not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks import micrographs
from benchmarks.claims import Claim, judged, not_run, shown
from benchmarks.estimators import measure, plain
from benchmarks.physics import Array
from benchmarks.seeds import Seed, stream
from benchmarks.texture import Texture
from benchmarks.weak_phase import Case, Pair, make_pair

OVERLAPS = (0.10, 0.15, 0.20, 0.25, 0.35, 0.50, 0.70, 0.95)
WIDE, WIDE_FOUND = 0.20, 0.99
FAR, FAR_FOUND = 0.10, 0.95
SIZES = ((512, 512), (480, 640), (511, 513), (600, 401))
ELECTRONS = 30.0
PIXEL_M = 0.2e-9
TILT = 10e-3
REAL_SIZES = ((256, 256), (230, 280), (255, 257), (290, 211))
"""Carbon at 10 % overlap then holds about 120 nats (½Σγ²) at 512²: enough to be known among a million places."""


@dataclass(frozen=True, slots=True)
class Try:
    """One pair at one overlap."""

    overlap: float
    right: bool
    accepted: bool
    plain_found: dict[str, bool]

    @property
    def found(self) -> bool:
        """Right, and known to be."""
        return self.right and self.accepted


def _way(number: int) -> tuple[float, float]:
    """Direction (y, x) of shift `number`: both ways along either axis, the diagonals, and between."""
    angle = (number % 8) * np.pi / 4 + (0.3 if number % 3 == 2 else 0.0)
    return (float(np.sin(angle)), float(np.cos(angle)))


def shift_for(overlap: float, size: tuple[int, int], way: tuple[float, float]) -> float:
    """Length of the shift along `way` that leaves `overlap` of the area: (1 − |sy|/ny)(1 − |sx|/nx) = overlap."""
    a, b = abs(way[0]) / size[0], abs(way[1]) / size[1]
    if a * b < 1e-12:
        return (1 - overlap) / (a + b)
    return float((a + b - np.sqrt((a + b) ** 2 - 4 * a * b * (1 - overlap))) / (2 * a * b))


def simulated(number: int, overlap: float) -> Pair:
    """Amorphous carbon or stain, 20 nm thick, at the defocus that shifts so far (up to 4 µm)."""
    size, way = SIZES[number % len(SIZES)], _way(number)
    length = shift_for(overlap, size, way)
    case = Case(
        voltage_v=300e3,
        c3_m=2.7e-3,
        c1_m=float((-1) ** number * length * PIXEL_M / (2 * TILT) - 2.7e-3 * TILT**2),
        tilt_rad=TILT,
        tilt_angle_rad=float(np.arctan2(way[0], way[1])),
        pixel_m=PIXEL_M,
        electrons_per_px=ELECTRONS,
        thickness_m=20e-9,
        texture=Texture.STAIN if number % 2 else Texture.CARBON,
        size=size,
    )
    return make_pair(case, stream(Seed.CAPTURE, number, round(overlap * 100)))


def real(number: int, overlap: float) -> Pair:
    """Two windows of one real micrograph, exposed with independent noise.

    The image is reduced 2 × 2 and taken as the intensity, its own contrast and noise included; both windows then get
    their own shot noise. Its own noise is common to both: this is texture to find, as specimen is.
    """
    whole = _reduced()
    size = REAL_SIZES[number % 4]
    way = _way(number)
    length = shift_for(overlap, size, way) * (-1) ** number
    sy, sx = round(length * way[0]), round(length * way[1])
    rng = stream(Seed.CAPTURE, 1, number, round(overlap * 100))
    room = (whole.shape[0] - size[0] - abs(sy), whole.shape[1] - size[1] - abs(sx))
    top, left = (int(rng.integers(0, r + 1)) for r in room)
    top, left = top + max(sy, 0), left + max(sx, 0)
    cuts = [whole[t : t + size[0], w : w + size[1]] for t, w in ((top, left), (top - sy, left - sx))]
    noisy = [rng.poisson(np.clip(cut, 0, None) * ELECTRONS).astype(np.float32) for cut in cuts]
    case = Case(
        c3_m=0.0,
        tilt_rad=TILT,
        tilt_angle_rad=float(np.arctan2(sy, sx)),
        c1_m=float(np.hypot(sy, sx) * PIXEL_M / (2 * TILT)),
        pixel_m=PIXEL_M,
        electrons_per_px=ELECTRONS,
        size=size,
    )
    return Pair(noisy[0], noisy[1], case)


def _reduced() -> Array:
    image = micrographs.textured(0)
    small = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean(axis=(1, 3))
    return np.asarray(small / small.mean())


def attempt(pair: Pair, overlap: float) -> Try:
    """Ours and the plain correlators on one pair."""
    found = measure(pair)
    pixel = 2 * pair.case.tilt_rad / pair.case.pixel_m
    others = {m: abs(plain(pair, m)[0]) * pixel < 5 for m in ("phase", "cross")}
    return Try(overlap, not found.gross, found.accepted, others)


def tries(kind: str, each: int) -> Iterator[Try]:
    """`each` pairs at every overlap."""
    for overlap in OVERLAPS:
        for number in range(each):
            pair = simulated(number, overlap) if kind == "simulated" else real(number, overlap)
            yield attempt(pair, overlap)


def _share(values: list[bool]) -> float:
    return float(np.mean(values)) if values else 0.0


def claims_of(found: list[Try], what: str) -> Iterator[Claim]:
    """Found at 20 % and more, and between 10 and 20 %; the plain ones beside it."""
    wide = [t for t in found if t.overlap >= WIDE]
    far = [t for t in found if FAR <= t.overlap < WIDE]
    for group, bar, name in ((wide, WIDE_FOUND, "≥ 20 %"), (far, FAR_FOUND, "10 to 15 %")):
        share = _share([t.found for t in group])
        note = f"right, accepted or not: {_share([t.right for t in group]):.1%}"
        text = f"{share:.1%} of {len(group)}"
        yield judged("4 range", f"found at overlap {name}, {what}", f"≥ {bar:.0%}", text, share >= bar, note)
    each = "; ".join(
        f"{overlap:.0%}: {_share([t.found for t in found if t.overlap == overlap]):.0%}, "
        + ", ".join(
            f"{m} {_share([t.plain_found[m] for t in found if t.overlap == overlap]):.0%}" for m in ("phase", "cross")
        )
        for overlap in OVERLAPS
    )
    yield shown("4 range", f"found by overlap, {what}: matched, plain wrapped correlators", each)


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claim 4."""
    del log
    each = 12 if quick else 50
    found = list(tries("simulated", each))
    yield from claims_of(found, f"simulated carbon and stain, 0.2 nm, {ELECTRONS:.0f} e/px, sides 401 to 640")
    if micrographs.folder() is None:
        yield not_run("4 range", "real micrograph", "≥ 99 %", "no real micrographs: set EUCENTRIC_DATA")
        return
    yield from claims_of(
        list(tries("real", each)), f"windows of a real micrograph, {ELECTRONS:.0f} e/px, sides 211 to 290"
    )
