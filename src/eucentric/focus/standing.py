"""How an instrument stands, by read-back: told at the beginning and at the end of a run."""

from __future__ import annotations

from eucentric.errors import InstrumentError
from eucentric.images.frame import OpticalState
from eucentric.microscope.protocol import Microscope


def standing(scope: Microscope) -> OpticalState | None:
    """Preset, lens, stigmator, image shift and stage as they read now; None where the instrument does not say.

    Only told: what does not answer here fails by itself where it is needed.
    """
    try:
        return _read(scope)
    except InstrumentError:
        return None


def _read(scope: Microscope) -> OpticalState:
    can, preset, stage = scope.capabilities, scope.preset(), scope.stage()
    return OpticalState(
        voltage_v=scope.voltage_v,
        preset=preset.name,
        magnification=preset.magnification,
        defocus_m=scope.defocus_m(),
        stage_z_m=stage.z_m,
        stage_x_m=stage.x_m,
        stage_y_m=stage.y_m,
        stage_alpha_rad=stage.alpha_rad,
        focus_m=scope.focus_m() if can.defocus_zero else None,
        stigmator=scope.stigmator() if can.stigmator else None,
        image_shift_m=scope.image_shift_m() if can.image_shift else None,
    )
