"""Presets that settings bring along: each like one of the instrument's, with a camera setting of its own."""

from __future__ import annotations

from pydantic import Field

from eucentric.focus.fields import Dose, Length, Seconds, Settings


class PresetSettings(Settings):
    """A named imaging state that an application or a focus node brings, made from one of the instrument's."""

    like: str = Field(min_length=1)
    """The instrument's preset that gives magnification, probe mode and illumination; with it come its calibrations."""
    magnification: float | None = Field(default=None, gt=0)
    """Checked against that preset's where given."""
    pixel_m: Length | None = Field(default=None, gt=0, le=1e-6)
    """The (binned) pixel that it was planned for: where it would be another by more than 5 %, nothing is begun."""
    binning: int | None = Field(default=None, ge=1, le=64)
    """Camera binning; without it that of the instrument's preset."""
    size: tuple[int, int] | None = None
    """Rows and columns of the binned image; without them those of the instrument's preset."""
    exposure_s: Seconds | None = Field(default=None, gt=0, le=600)
    """Exposure time."""
    dose_per_m2: Dose | None = Field(default=None, ge=1e15, le=1e24)
    """What one exposure puts on the specimen, for example "30 e/A2"."""
    defocus_m: Length = Field(default=0.0, ge=-100e-6, le=100e-6)
    """Intended defocus of its images; negative: underfocus."""
    image_shift_m: tuple[Length, Length] = (0.0, 0.0)
    """Image shift (y, x), image axes; none where defocus matters."""
    beam_shift_m: tuple[Length, Length] = (0.0, 0.0)
    """Beam shift (y, x), image axes."""


class NamedPreset(PresetSettings):
    """One that a focus node brings."""

    name: str = Field(min_length=1)
    """What steps call it."""

    @property
    def unnamed(self) -> PresetSettings:
        """The same as an application has it."""
        return PresetSettings(**{field: getattr(self, field) for field in PresetSettings.model_fields})
