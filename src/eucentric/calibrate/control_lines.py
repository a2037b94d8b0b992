"""Whether the instrument does what it is told: every control is set and read back, several times."""

from __future__ import annotations

from collections.abc import Callable

from eucentric.calibrate.report import Line
from eucentric.calibration.record import Level
from eucentric.errors import Aborted, EucentricError
from eucentric.microscope.guarded import Guarded

_TIMES = 8
"""Writes of each control: a chance of 5 % to be dropped shows in five controls with 1 − 0.95⁴⁰ = 87 %."""
_TILT_RAD, _DEFOCUS_M, _STIGMATOR, _Z_M = 1e-3, 0.5e-6, 0.02, 0.3e-6


def control_line(microscope: Guarded, preset: str) -> Line:
    """Set each control to and fro, at `preset`; `Guarded` compares what it reads back. Everything is put back.

    What can't be put back at once is left to whoever restores at the end.
    """
    failed: list[str] = []
    tried = 0
    for act in (lambda _: microscope.set_preset(preset), *_acts(microscope)):
        for turn in (*range(_TIMES), None):  # the last goes back
            tried += 1
            try:
                act(0.0 if turn is None else 1.0 if turn % 2 == 0 else -1.0)
            except Aborted:
                raise
            except EucentricError as error:
                failed.append(str(error))
    value = f"{tried - len(failed)} of {tried} arrived"
    if not failed:
        return Line("not arrived", Level.GREEN, value, "What is set arrives.")
    return Line(
        "not arrived", Level.RED, value,
        f"The instrument drops what it is told. First: {failed[0]} Check the connection to the microscope's "
        f"server, and "
        "that nobody else steers it.",
    )  # fmt: skip


def _acts(scope: Guarded) -> list[Callable[[float], None]]:
    can, tilt, stigmator = scope.capabilities, scope.beam_tilt_rad(), scope.stigmator()
    defocus, z = scope.defocus_m(), scope.stage().z_m
    acts: list[Callable[[float], None]] = [lambda s: scope.set_defocus(defocus + s * _DEFOCUS_M)]
    if can.beam_tilt:
        acts.append(lambda s: scope.set_beam_tilt((tilt[0] + s * _TILT_RAD, tilt[1])))
    if can.stigmator:
        acts.append(lambda s: scope.set_stigmator((_inside(stigmator[0] + s * _STIGMATOR), stigmator[1])))
    if can.stage_z:
        acts.append(lambda s: scope.move_stage(z_m=z + s * _Z_M))
    return acts


def _inside(value: float) -> float:
    return min(max(value, -1.0), 1.0)
