"""Records to test with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from eucentric.calibration.quantities import AnyQuantity, TiltResponse
from eucentric.calibration.record import Level, OpticsState, Record

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
FA = OpticsState(voltage_v=200e3, preset="fa", magnification=200e3, binning=4, pixel_m=0.3e-9)
HL = OpticsState(voltage_v=200e3, preset="hl", magnification=12e3, binning=4, pixel_m=5e-9)


def response(optics: OpticsState = FA, turn: complex = 1 + 0j, **changed: Any) -> TiltResponse:
    """A tilt response of nominal size, turned."""
    a, b = turn.real / optics.pixel_m, turn.imag / optics.pixel_m
    values = {"matrix_px_per_rad_m": ((a, b), (-b, a)), "scale_sigma": 0.002, "rotation_sigma_rad": 1e-3}
    return TiltResponse(**{**values, "tilt_rad": 10e-3, "defoci_m": (-1e-6, 1e-6), **changed})


def record(
    quantity: AnyQuantity | None = None, optics: OpticsState = FA, *, days_old: float = 0.0, **changed: Any
) -> Record:
    """A record of a quantity (a tilt response)."""
    values = {
        "quantity": quantity if quantity is not None else response(optics),
        "instrument": "scope",
        "taken": NOON - timedelta(days=days_old),
        "optics": optics,
        "level": Level.GREEN,
        "sentence": "Good enough.",
        "software": "0",
    }
    return Record(**{**values, **changed})
