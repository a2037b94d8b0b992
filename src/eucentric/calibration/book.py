"""The calibrations of one instrument, one for each preset: image rotation and pixel size differ between presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from eucentric.calibration.instrument import Calibration
from eucentric.errors import CalibrationError


@dataclass(frozen=True, slots=True)
class CalibrationBook:
    """Calibrations by preset name."""

    instrument: str
    presets: Mapping[str, Calibration]

    def of(self, preset: str) -> Calibration:
        """The calibration of a preset. Raises CalibrationError when there is none."""
        found = self.presets.get(preset)
        if found is None:
            known = ", ".join(sorted(self.presets)) or "none"
            raise CalibrationError(
                f"{self.instrument} has no calibration for preset '{preset}' (calibrated: {known}). "
                f"Measure it (eucentric calibrate tilt --preset {preset}), or choose another preset."
            )
        return found

    def with_like(self, name: str, like: str, *, larger: float = 1.0) -> CalibrationBook:
        """The book in which preset `name` has the calibration of `like`, whose pixels are `larger` times smaller: what
        is told in pixels is fewer of them. The same book where `like` has none.
        """
        found = self.presets.get(like)
        if found is None or name == like:
            return self
        alpha = found.alpha
        if alpha is not None and larger != 1.0:
            y, x = alpha.px_per_m
            fewer = {"px_per_m": (y / larger, x / larger), "px_per_m_sigma": alpha.px_per_m_sigma / larger}
            found = replace(found, alpha=alpha.model_copy(update=fewer))
        return CalibrationBook(self.instrument, {**self.presets, name: found})
