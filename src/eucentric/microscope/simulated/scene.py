"""Where the specimen lies under the beam: the geometry of one view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eucentric.microscope.simulated.column import Optics
from eucentric.microscope.simulated.exit_wave import Lattice
from eucentric.microscope.simulated.specimen import Specimen
from eucentric.microscope.simulated.stage import Place
from eucentric.optics.aberrations import image_shift

Float = NDArray[np.float32]
_NODES = 9
_SIGHT_STEPS = 6  # at 60° on a film of 40 mrad each brings 7 %: 10 µm off become 1 pm
_LEVEL_RAD = 0.01  # below, no displacement by a beam tilt changes the height by more than 2 % of it


@dataclass(frozen=True, slots=True)
class View:
    """One field of view: image point n (pixels from the centre, x + iy) shows lattice point n + `centre_px`.

    Within a field the film's height moves nothing: the middle alone is placed with it.
    """

    specimen: Specimen
    place: Place
    lattice: Lattice

    def middle(self) -> complex:
        """Place (x + iy) of the specimen on the optical axis: tilting the stage moves what is off the tilt axis."""
        return self.place_of(0j)

    def place_of(self, shift_px: complex) -> complex:
        """Place (x + iy) of the specimen that lies `shift_px` (x + iy, image pixels) off the optical axis.

        With the tilt axis at a, moved sideways by s, v off the optical axis there is what obeys
        a + s_y + (y − y₀ − a) cos α − (z + H(x, y)) sin α = v_y: where the film is higher, the same line of sight meets
        it elsewhere. Solved by steps, each nearer by the film's slope times tan α.
        """
        place, alpha = self.place, self.place.alpha_rad
        seen = shift_px * self.lattice.pixel_m * complex(np.exp(-1j * self.lattice.rotation_rad)) - place.sideways_m
        at = place.xy_m + seen.real
        for _ in range(_SIGHT_STEPS):
            flat = place.z_m + float(self.specimen.height_m(np.array(at.imag), np.array(at.real)))
            across = (flat * np.sin(alpha) - place.axis_m + seen.imag) / np.cos(alpha) + place.axis_m
            at = complex(at.real, place.xy_m.imag + float(across))
        return at

    def centre_height_m(self, optics: Optics, shift_px: complex) -> float:
        """Height of what the image shows in its middle with this image shift: on a slope the beam tilt's displacement
        decides on it, too."""
        height = float(self.height_m(np.array([self.place_of(shift_px)]))[0])
        if abs(self.place.alpha_rad) < _LEVEL_RAD:
            return height
        for _ in range(2):  # of the displacement, tilt·tan α goes into the next step's
            moved = complex(image_shift(optics.tilt, optics.lens.with_defocus(optics.lens.c1_m + height)))
            height = float(self.height_m(np.array([self.place_of(shift_px - moved / optics.pixel_m)]))[0])
        return height

    def height_m(self, places: NDArray[np.complex128]) -> NDArray[np.float64]:
        """True height of places of the specimen above the eucentric plane, where the tilt axis is at alpha 0:
        h = (y − y₀ − a) sin α + (z + H) cos α + rise."""
        place, alpha = self.place, self.place.alpha_rad
        flat = place.z_m + self.specimen.height_m(places.imag, places.real)
        across = places.imag - place.xy_m.imag - place.axis_m
        return np.asarray(across * np.sin(alpha) + flat * np.cos(alpha) + place.rise_m)

    def heights(self, centre_px: complex, shape: tuple[int, int]) -> Float:
        """Height (ny, nx) at each image point, interpolated from a few nodes (the film is smooth)."""
        ny, nx = shape
        return np.asarray(_linear(ny) @ self._nodes(centre_px, shape) @ _linear(nx).T, dtype=np.float32)

    def _nodes(self, centre_px: complex, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Heights of the nodes (nodes, nodes), evenly spread over an image."""
        ny, nx = shape
        rows, columns = np.linspace(0, ny - 1, _NODES) - ny // 2, np.linspace(0, nx - 1, _NODES) - nx // 2
        grid_y, grid_x = np.meshgrid(rows, columns, indexing="ij")
        return self.height_m(self.lattice.places(grid_y + centre_px.imag, grid_x + centre_px.real))

    def mean_height_m(self, size: tuple[int, int], shift_px: complex = 0j) -> float:
        """Mean height of the mid-plane over the central half of the view that an untilted beam makes."""
        centre = self.lattice.point(self.place_of(shift_px))
        middle_y, middle_x = (_linear(n)[n // 4 : n - n // 4].mean(axis=0) for n in size)
        return float(middle_y @ self._nodes(centre, size) @ middle_x)


def _linear(points: int) -> NDArray[np.float64]:
    """(points, nodes) matrix of linear interpolation between evenly spread nodes."""
    at = np.linspace(0, _NODES - 1, points)
    return np.asarray(np.clip(1 - np.abs(at[:, None] - np.arange(_NODES)), 0, 1))
