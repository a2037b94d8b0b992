"""Numbers of a measurement in words, as an operator says them."""

from __future__ import annotations

import math

from eucentric.focus.words import speed_words
from eucentric.units import minus, show_length

_CHANCES = (
    (1e-12, "as good as none"),
    (1e-6, "less than one in a million"),
    (1e-3, "less than one in a thousand"),
    (0.05, "small, but not to be relied on"),
    (0.5, "considerable"),
)


def chance_words(probability: float) -> str:
    """The chance that noise alone made the peak."""
    return next((words for limit, words in _CHANCES if probability < limit), "as likely as not, or likelier")


def chi2_words(chi2_per_dof: float) -> str:
    """How well the shifts fit a defocus."""
    if chi2_per_dof < 4:
        return "the shifts fit"
    return "the shifts fit poorly" if chi2_per_dof < 12 else "the shifts do not fit"


def axes_words(a1_m: tuple[float, float], sigma_m: tuple[float, float]) -> str:
    """Astigmatism (a, b) as its size and direction: "12 ± 3 nm at 35°"."""
    size = math.hypot(*a1_m)
    error = math.hypot(a1_m[0] * sigma_m[0], a1_m[1] * sigma_m[1]) / size if size else max(sigma_m)
    angle = math.degrees(0.5 * math.atan2(a1_m[1], a1_m[0])) % 180
    if size < 1e-7 and error < 1e-6:
        return f"{size * 1e9:.1f} ± {error * 1e9:.1f} nm at {angle:.0f}°"
    return f"{size * 1e6:.3f} ± {error * 1e6:.3f} µm at {angle:.0f}°"


def drift_words(drift_m_per_s: tuple[float, float]) -> str:
    """A drift (y, x): "0.12 nm/s towards 40°"."""
    y, x = drift_m_per_s
    return minus(f"{speed_words(math.hypot(y, x))} towards {math.degrees(math.atan2(y, x)):.0f}°")


def offset_words(offset_m: float) -> str:
    """A defocus that was set on purpose: "−0.50 µm", "−20 µm"."""
    whole = math.floor(math.log10(max(abs(offset_m), 1e-9) * 1e6))
    return show_length(offset_m, min(max(1 - whole, 0), 3))


def plain(value: float) -> str:
    """A number of two digits that count, without a power of ten: "0.35", "12", "1 300 000"."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}".replace(",", "\u202f") if abs(rounded) >= 10 else f"{rounded:g}"


def big_number(value_m: float, total_sigma_m: float) -> dict[str, str]:
    """A defocus with its error for the largest print: both to the second digit of the error that counts."""
    small = max(abs(value_m), total_sigma_m) < 1e-7
    factor, unit = (1e9, "nm") if small else (1e6, "µm")
    if total_sigma_m <= 0:
        return {"value": minus(f"{value_m * factor:+.3f}"), "error": "0.000", "unit": unit}
    digits = min(1 - math.floor(math.log10(float(f"{total_sigma_m * factor:.1e}"))), 6)
    value, error = (round(number * factor, digits) for number in (value_m, total_sigma_m))
    shown = max(digits, 0)
    return {"value": minus(f"{value:+.{shown}f}"), "error": f"{error:.{shown}f}", "unit": unit}
