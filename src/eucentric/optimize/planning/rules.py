"""The classic rules of optimizing autofocus: which pixel size reaches an accuracy, and how far it reaches.

They are the rules of thumb of Leginon's page "Optimizing Autofocus":

    accuracy = pixel / separation              a change of one pixel is the smallest that is seen
    range    = (N/4) · pixel / separation      a shift is found up to a quarter of an image of N pixels

The page writes them with "beam tilt", and its tilt is what is called *separation* here: the angle between the two
images of a pair. Leginon takes its pair at 0 and +t, so there separation = t, and the aperture's limit on the tilt is
a limit on the separation. A symmetric pair ±β has separation 2β and fits twice as much through the same aperture.

What they leave out: sub-pixel registration (the accuracy is far better than a pixel), the coma of the tilt,
drift, dose. Lengths in metres, angles in radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from eucentric.errors import InputError

CLASSIC_REACH = 0.25
"""The largest shift that classic correlators find reliably, as a fraction of the image."""
CLASSIC_SIZE_PX = 1024
"""Images are binned to this size, because larger ones were slow to correlate."""
DEFOCUS_COMFORT_M = 20e-6
"""Errors beyond this are corrected by height in the shipped sequences: far defocus spoils the alignment."""
_SIZES_PX = (64, 65536)
_STEPS_MAX = 3


class Knob(StrEnum):
    """What corrects the error that a step has measured."""

    STAGE_Z = "stage Z"
    DEFOCUS = "defocus"


@dataclass(frozen=True, slots=True)
class Needs:
    """What is asked of a plan. `size_px` is the side of the image after binning, None: binned to 1024 or below."""

    start_m: float
    accuracy_m: float
    separation_rad: float
    camera_px: int = 4096
    size_px: int | None = None

    @property
    def image_px(self) -> int:
        """Side of the image that is correlated, pixels."""
        if self.size_px is not None:
            return self.size_px
        return self.camera_px // math.ceil(self.camera_px / CLASSIC_SIZE_PX)


@dataclass(frozen=True, slots=True)
class Step:
    """One focus step: what it can start from, what it leaves, and what corrects it."""

    name: str
    pixel_m: float
    size_px: int
    binning: int
    range_m: float
    accuracy_m: float
    knob: Knob
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order they run, and how far the last step's pixel would reach alone at the two image sizes."""

    needs: Needs
    steps: tuple[Step, ...]
    alone_camera_m: float
    alone_image_m: float


def accuracy_m(pixel_m: float, separation_rad: float) -> float:
    """Defocus change that moves the images apart by one pixel: pixel / separation (1 nm, 10 mrad: 0.1 µm)."""
    return pixel_m / separation_rad


def pixel_for_accuracy_m(accuracy_m: float, separation_rad: float) -> float:
    """The largest pixel that still sees `accuracy_m`: accuracy · separation (0.1 µm, 10 mrad: 1 nm)."""
    return accuracy_m * separation_rad


def range_m(pixel_m: float, separation_rad: float, size_px: int) -> float:
    """The largest |defocus| that is measured: (N/4) · pixel / separation (1 nm, 10 mrad, 4096: 102.4 µm)."""
    return CLASSIC_REACH * size_px * accuracy_m(pixel_m, separation_rad)


def pixel_for_range_m(start_m: float, separation_rad: float, size_px: int) -> float:
    """The smallest pixel that reaches `start_m`, rounded up to two figures (500 µm, 10 mrad, 1024: 19.5 → 20 nm)."""
    return _up_to_two_figures(start_m * separation_rad / (CLASSIC_REACH * size_px))


def plan(needs: Needs) -> Plan:
    """As few steps as reach from `start_m` to `accuracy_m`, coarsest first; the last by defocus, the others by stage.

    The last step has the pixel of the accuracy. While its range is below the error that arrives, a coarser step
    comes before it, with the smallest pixel that reaches the start; its accuracy is what the next one starts from.
    Raises InputError when the numbers make no plan.
    """
    _check(needs)
    separation, size = needs.separation_rad, needs.image_px
    pixels = [pixel_for_accuracy_m(needs.accuracy_m, separation)]
    while not _covers(range_m(pixels[0], separation, size), needs.start_m):
        arriving = range_m(pixels[0], separation, size)
        wanted = pixel_for_range_m(needs.start_m, separation, size)
        pixels.insert(0, min(wanted, pixel_for_accuracy_m(arriving, separation)))
        if len(pixels) > _STEPS_MAX:
            raise InputError(
                f"From {needs.start_m * 1e6:g} µm to {needs.accuracy_m * 1e6:g} µm would take more than {_STEPS_MAX} "
                f"steps of {size} pixels. Bring the specimen nearer by eye first, or ask for less accuracy."
            )
    arrivals = [needs.start_m, *(accuracy_m(pixel, separation) for pixel in pixels[:-1])]
    steps = tuple(_step(needs, pixels, i, arrivals[i]) for i in range(len(pixels)))
    return Plan(
        needs=needs,
        steps=steps,
        alone_camera_m=range_m(pixels[-1], separation, needs.camera_px),
        alone_image_m=range_m(pixels[-1], separation, size),
    )


def _step(needs: Needs, pixels: list[float], index: int, arriving_m: float) -> Step:
    pixel, last = pixels[index], index == len(pixels) - 1
    knob = Knob.DEFOCUS if last else Knob.STAGE_Z
    reach = range_m(pixel, needs.separation_rad, needs.image_px)
    if last:
        why = f"the pixel is the wanted accuracy times the separation; an error of {_um(arriving_m)} is in its range"
    else:
        why = f"the smallest pixel (two figures) whose range holds the {_um(arriving_m)} it starts from"
    if knob is Knob.DEFOCUS and arriving_m > DEFOCUS_COMFORT_M:
        why += (
            f"; correcting {_um(arriving_m)} by defocus alone takes the lens far from where it was aligned "
            f"(more than {_um(DEFOCUS_COMFORT_M)}): let a step by stage Z come first"
        )
    return Step(
        name="Focus" if last else "Z Focus" if index == 0 else "Z Focus again",
        pixel_m=pixel,
        size_px=needs.image_px,
        binning=max(needs.camera_px // needs.image_px, 1),
        range_m=reach,
        accuracy_m=accuracy_m(pixel, needs.separation_rad),
        knob=knob,
        why=why,
    )


def _check(needs: Needs) -> None:
    """Raise InputError for numbers that make no plan."""
    lengths = {"starting error": needs.start_m, "accuracy": needs.accuracy_m}
    for name, value in lengths.items():
        if not (math.isfinite(value) and 0 < value <= 10e-3):
            raise InputError(f"The {name} of {value * 1e6:g} µm is not between 0 and 10 mm. Give it in µm: 500.")
    if not (math.isfinite(needs.separation_rad) and 0 < needs.separation_rad <= 0.1):
        raise InputError(
            f"A tilt of {needs.separation_rad * 1e3:g} mrad is not between 0 and 100. Give it in mrad: 10."
        )
    low, high = _SIZES_PX
    if not low <= needs.camera_px <= high:
        raise InputError(f"A camera of {needs.camera_px} pixels is not between {low} and {high}. Give its side: 4096.")
    if not low <= needs.image_px <= needs.camera_px:
        raise InputError(
            f"An image of {needs.image_px} pixels is not between {low} and the camera's {needs.camera_px}. "
            "Give the side after binning: 1024."
        )


def _covers(reach_m: float, error_m: float) -> bool:
    """Whether a range holds an error, forgiving the last bits of binary fractions."""
    return reach_m >= error_m * (1 - 1e-12)


def _up_to_two_figures(value: float) -> float:
    """The value rounded up to two significant figures; one that already has two stays."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit * (1 - 1e-12)) * unit


def _um(value_m: float) -> str:
    """A length for the explanations, µm."""
    return f"{value_m * 1e6:.4g} µm"
