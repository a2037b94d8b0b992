"""What is true of a simulated microscope: for reports and tests alone (import-linter keeps what focuses from it)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eucentric.errors import InputError
from eucentric.microscope.protocol import Microscope, Vector
from eucentric.microscope.simulated.constants import Constants, constants_of, hysteresis_width_of, matrix
from eucentric.microscope.simulated.constants import vector as _vector
from eucentric.microscope.simulated.microscope import SimulatedMicroscope


@dataclass(frozen=True, slots=True)
class Truth:
    """The true state at one moment; SI, (y, x), image axes, directions from the coma-free axis.

    `c1_m` = `lens_c1_m` + `height_m`; the height is that of the specimen's mid-plane, its mean over the central half of
    the field.
    """

    time_s: float
    c1_m: float
    lens_c1_m: float
    height_m: float
    tilt_rad: Vector
    a1_m: Vector  # (a, b)
    pixel_m: float
    tilt_matrix: tuple[Vector, Vector]  # instrument tilt → true tilt, image axes
    coma_free_rad: Vector  # as instrument tilt
    stage_xy_m: Vector
    drift_m_per_s: Vector  # stage axes
    eucentric_z_m: float  # the z to command, coming from the present side, for eucentric height at the optical axis


def truth(microscope: Microscope) -> Truth:
    """The truth behind a simulated microscope, also when it is wrapped (`inner`). Raises InputError for a real one."""
    simulated = _inside(microscope)
    optics, view, column = simulated.optics(), simulated.view(), simulated.column
    height = view.mean_height_m(simulated.preset().size, simulated.shift_px())
    turn = complex(np.exp(1j * optics.rotation_rad))
    lens_c1 = optics.lens.c1_m
    coil = column.coil(lens_c1)
    response = coil * turn
    place, z_scale = view.place, simulated.goniometer.z_scale
    film = view.middle()
    flat = place.z_m + float(simulated.specimen.height_m(np.array(film.imag), np.array(film.real)))
    return Truth(
        time_s=simulated.now_s(),
        c1_m=lens_c1 + height,
        lens_c1_m=lens_c1,
        height_m=height,
        tilt_rad=_vector(optics.tilt),
        a1_m=optics.lens.a1_m,
        pixel_m=optics.pixel_m,
        tilt_matrix=matrix(response),
        coma_free_rad=_vector(column.coma_free(lens_c1) / coil),
        stage_xy_m=_vector(place.xy_m),
        drift_m_per_s=_vector(place.velocity_m_per_s),
        eucentric_z_m=simulated.goniometer.read().z_m - (flat - place.eucentric_flat_m) / z_scale,
    )


def constants(microscope: Microscope) -> Constants:
    """What the calibrations should find. Raises InputError as `truth` does."""
    simulated = _inside(microscope)
    return constants_of(simulated.column, simulated.goniometer.z_scale, simulated.magnitudes)


def hysteresis_width_m(microscope: Microscope, excursion_m: float) -> float:
    """C1 reached from above minus that reached from below, after many equal excursions to either side."""
    return hysteresis_width_of(_inside(microscope).magnitudes, excursion_m)


def height_at(microscope: Microscope, point_px: Vector = (0.0, 0.0)) -> float:
    """True height of the specimen's mid-plane, metres, at a point (y, x) of the present view, pixels from its centre.

    Of the image that an untilted beam makes.
    """
    simulated = _inside(microscope)
    view = simulated.view()
    place = view.place_of(simulated.shift_px() + complex(point_px[1], point_px[0]))
    return float(view.height_m(np.array([place]))[0])


def empty_hole_m(microscope: Microscope) -> Vector:
    """Stage position (y, x) of a hole without ice."""
    return _inside(microscope).specimen.empty_hole_m()


def grid_bar_m(microscope: Microscope) -> Vector:
    """Stage position (y, x) on a grid bar."""
    return _inside(microscope).specimen.grid_bar_m()


def _inside(microscope: Microscope) -> SimulatedMicroscope:
    inner: object = microscope
    while not isinstance(inner, SimulatedMicroscope):
        inner = getattr(inner, "inner", None)
        if inner is None:
            raise InputError(f"'{microscope.name}' is not a simulated microscope: nobody knows its truth.")
    return inner
