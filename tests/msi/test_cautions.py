"""What is told of an application before it runs."""

from __future__ import annotations

import pytest

from eucentric.calibration.handed_over import book_from
from eucentric.microscope.registry import handed_out, open_microscope
from eucentric.msi.application import Application, Lattice
from eucentric.msi.ready import ready
from eucentric.msi.shipped import SHIPPED, shipped_application


def _cautions(application: Application) -> tuple[str, ...]:
    microscope = open_microscope("simulated", seed=1)
    return ready(microscope, application, book_from(handed_out(microscope))).cautions


def _moved(application: Application, name: str, **targets: object) -> Application:
    nodes = tuple(
        n.model_copy(update={"targets": Lattice.model_validate(targets)}) if n.name == name else n
        for n in application.nodes
    )
    return application.model_copy(update={"nodes": nodes})


@pytest.mark.parametrize("name", SHIPPED)
def test_of_what_comes_along_nothing_is_to_be_told(name: str) -> None:
    assert _cautions(shipped_application(name)) == ()


def test_focus_in_the_view_of_the_images_is_told() -> None:
    """0.2 µm beside a view of 0.31 µm; at 0.5 µm it is beside it."""
    told = _cautions(_moved(shipped_application("msi-tomography"), "Tomo Focus", centre_m=(0.0, 0.2e-6)))
    assert len(told) == 1
    assert "'Tomo Focus' focuses where node 'Tilt series' takes its images" in told[0]
    assert _cautions(_moved(shipped_application("msi-tomography"), "Tomo Focus", centre_m=(0.0, 0.5e-6))) == ()


def test_targets_outside_their_image_are_told() -> None:
    """An image of 5.12 µm reaches 3.6 µm in its corners."""
    told = _cautions(_moved(shipped_application("msi-tomography"), "Tomo Focus", centre_m=(3.7e-6, 0.0)))
    assert len(told) == 1
    assert "up to 3.7 µm from the middle of the images of 'Hole', which reach 2.56 µm" in told[0]
