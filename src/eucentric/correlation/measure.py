"""The call that script writers make for a shift alone."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from eucentric.correlation.register import register
from eucentric.correlation.search import SearchRange
from eucentric.correlation.shift import Method, Shift, Vector
from eucentric.errors import InputError
from eucentric.optics.column import Column
from eucentric.optics.pair import PairOptics


def measure_shift(
    reference: NDArray[Any],
    moving: NDArray[Any],
    *,
    method: Method | str = Method.MATCHED,
    min_overlap: float = 0.08,
    pixel_m: float | None = None,
    voltage_v: float | None = None,
    c3_m: float | None = None,
    first_tilt: Vector | None = None,
    second_tilt: Vector | None = None,
    workers: int = 2,
) -> Shift:
    """Where `moving` stands relative to `reference`, two arrays (ny, nx): moving(r) = reference(r − shift), in pixels.

    Two arrays are enough. For a beam-tilt pair give all five optics keywords too (metres, volts, tilts (y, x) in
    radians from the optical axis, `reference` at `first_tilt`): the coma of the tilt is then taken out.
    `min_overlap` is the smallest common area, as a fraction, that is searched. Raises InputError for arrays or optics
    that can't be used.
    """
    optics = {
        "pixel_m": pixel_m,
        "voltage_v": voltage_v,
        "c3_m": c3_m,
        "first_tilt": first_tilt,
        "second_tilt": second_tilt,
    }
    missing = [name for name, value in optics.items() if value is None]
    pair = None
    if pixel_m is not None and voltage_v is not None and c3_m is not None and first_tilt and second_tilt:
        pair = PairOptics(pixel_m, Column(voltage_v, c3_m), first_tilt, second_tilt)
    elif len(missing) < len(optics):
        raise InputError(f"To take the tilt's coma out, {', '.join(missing)} is needed too. Give all five, or none.")
    try:
        kind = Method(method)
    except ValueError as error:
        raise InputError(f"'{method}' is no correlation type. Use one of: {', '.join(Method)}.") from error
    if not 0.02 <= min_overlap <= 1:
        raise InputError(f"A smallest overlap of {min_overlap:g} can't be searched. Give a fraction from 0.02 to 1.")
    return register(reference, moving, method=kind, pair=pair, where=SearchRange(min_overlap), workers=workers)
