"""The calibrations of one instrument, one for each preset: image rotation and pixel size differ between presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
