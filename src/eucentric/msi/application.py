"""An application: the presets, nodes and targets of a multi-scale imaging session, as a frozen model.

Applications are data files (applications/*.toml): another focus node needs a table in a file, and no code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from eucentric.focus.fields import Angle, Length, Seconds, Settings, Speed
from eucentric.focus.preset_settings import PresetSettings
from eucentric.focus.settings import FocusSettings

Offset = Annotated[Length, Field(ge=-3e-3, le=3e-3)]
_NAME = r"^[^/\\\\:*?\"<>|\x00-\x1f.][^/\\\\:*?\"<>|\x00-\x1f]*$"  # a part of file names


def in_files(name: str) -> str:
    """A name as a part of file names."""
    return re.sub(r"[^\w .-]", "_", name)


class Kind(StrEnum):
    """What a node does at each of its targets."""

    ACQUIRE = "acquire"  # an image, kept
    FOCUS = "focus"  # Focus, with the node's settings
    TILT_SERIES = "tilt series"  # images at many stage tilts, kept in focus


class AfterFailure(StrEnum):
    """What an acquisition does at targets for which focusing failed."""

    SKIP = "skip"
    STOP = "stop"  # the session ends
    GO_ON = "go on"  # with what is known, flagged


class Lattice(Settings):
    """Targets on a plain lattice (stage axes) about `centre_m` from the parent target."""

    rows: int = Field(default=1, ge=1, le=1000)
    columns: int = Field(default=1, ge=1, le=1000)
    spacing_m: Length = Field(default=0.0, ge=0, le=3e-3)
    """Distance of neighbours, along rows and columns."""
    angle_rad: Angle = Field(default=0.0, ge=-math.pi, le=math.pi)
    """Turns the lattice, from stage +x towards +y."""
    centre_m: tuple[Offset, Offset] = (0.0, 0.0)
    """Middle of the lattice (y, x) from the parent target, stage axes."""
    leave_out: tuple[int, ...] = ()
    """Numbers of lattice points, counted from 0 along rows, that are no targets."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rows * self.columns > 1 and self.spacing_m == 0.0:
            raise ValueError('a lattice of several targets needs their distance, for example spacing = "6 um".')
        if not all(0 <= k < self.rows * self.columns for k in self.leave_out):
            raise ValueError(f"leave_out names points from 0 to {self.rows * self.columns - 1}.")
        return self


class SeriesSettings(Settings):
    """A tilt series."""

    first_rad: Angle = Field(default=math.radians(-45), ge=-1.22, le=1.22)
    last_rad: Angle = Field(default=math.radians(45), ge=-1.22, le=1.22)
    step_rad: Angle = Field(default=math.radians(3), gt=0, le=0.5)
    """Distance of neighbouring tilts."""
    focus_within_m: Length = Field(default=100e-9, gt=0, le=10e-6)
    """The predicted rms focus error that is allowed over the series, and 1.5 times that for an image: where the
    prediction is worse, focus is measured first."""
    focus_distance_m: Length = Field(default=1.5e-6, gt=0, le=20e-6)
    """How far the two focus targets lie from the feature, on both sides of it along the tilt axis."""


class GoniometerSettings(Settings):
    """How far the stage's tilt is from turning the specimen about a point on the optical axis."""

    axis_offset_m: Length = Field(default=1e-6, gt=0, le=100e-6)
    """1σ of how far the tilt axis lies sideways of the optical axis."""
    wobble_m: Length = Field(default=0.2e-6, gt=0, le=20e-6)
    """1σ of the goniometer's wobble as it tilts, in height and sideways."""
    wobble_length_rad: Angle = Field(default=math.radians(15), gt=0.01, le=3)
    """Over which change of tilt it wobbles: waves are some six times as long."""
    runout_m: Length = Field(default=37e-9, gt=0, le=10e-6)
    """1σ of its steady sideways motion for each degree of tilt, along one direction."""

    @property
    def runout_m_per_rad(self) -> float:
        """The same for each radian."""
        return self.runout_m / math.radians(1)


class NeedsSettings(Settings):
    """What a node needs beyond what its first step can measure, where the application says so."""

    height_within_m: Length | None = Field(default=None, gt=0)
    """Largest |height| from the eucentric plane with which the node may begin."""
    defocus_within_m: Length | None = Field(default=None, gt=0)
    """Largest |defocus| from defocus zero with which the node may begin."""


class PromisesSettings(Settings):
    """What a focus node promises beyond its sequence's accuracy of what it corrects last."""

    height_within_m: Length | None = Field(default=None, gt=0)
    """|height| from the eucentric plane at most (3 σ, with the error of the stored eucentric focus); None: where it
    ends with Stage Z its accuracy, give or take that error, else ±20 µm."""


class NodeSettings(Settings):
    """One node: what is done, where, and with what."""

    name: str = Field(min_length=1, max_length=40, pattern=_NAME)
    kind: Kind
    inside: str | None = None
    """The node whose targets are this one's parents; None: the grid."""
    targets: Lattice = Lattice()
    """Where, from each parent target."""
    preset: str | None = None
    """Preset of the images (acquire, tilt series)."""
    focus: FocusSettings | None = None
    """Settings of the focus node (focus). In a file: the name of a shipped sequence or of a TOML file, or a table."""
    alpha_rad: Angle = Field(default=0.0, ge=-1.22, le=1.22)
    """Stage tilt at which the node works."""
    settle_s: Seconds = Field(default=0.0, ge=0, le=600)
    """Wait after the stage arrived, before the first image."""
    needs: NeedsSettings = NeedsSettings()
    promises: PromisesSettings = PromisesSettings()
    after_failure: AfterFailure = AfterFailure.SKIP
    """What is done at targets for which focusing failed (acquire, tilt series)."""
    within_m: Length | None = Field(default=None, gt=0, le=1e-3)
    """Acquire: an image whose defocus may be off by more than this (3 σ) is flagged; None: defocus does not matter."""
    series: SeriesSettings | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind is Kind.FOCUS and self.focus is None:
            raise ValueError('a focus node needs its settings, for example focus = "z-focus-beam-tilt".')
        if self.kind is not Kind.FOCUS and self.preset is None:
            raise ValueError('it takes images and needs a preset, for example preset = "ex".')
        if self.kind is not Kind.FOCUS and self.focus is not None and self.kind is not Kind.TILT_SERIES:
            raise ValueError("only focus nodes and tilt series have focus settings.")
        if self.kind is not Kind.FOCUS and self.promises.height_within_m is not None:
            raise ValueError("only focus nodes promise a height.")
        if self.kind is Kind.TILT_SERIES and (self.series is None or self.focus is None):
            raise ValueError("a tilt series needs its angles ([nodes.series]) and focus settings.")
        return self


class GridSettings(Settings):
    """What is believed of a grid before anything is measured."""

    height_within_m: Length = Field(default=200e-6, gt=0, le=2e-3)
    """|height| from the eucentric plane at most."""
    slope_rad: Angle = Field(default=math.radians(1), ge=0, le=0.5)
    """Tilt of the film against the stage, as 1 σ per direction; also of its bending across a square."""
    bend_m: Length = Field(default=0.5e-6, ge=0, le=50e-6)
    """1 σ of the film's waves about a plane."""
    bend_length_m: Length = Field(default=15e-6, gt=0, le=1e-3)
    """Correlation length of these waves."""
    roughness_m: Length = Field(default=3e-9, ge=0, le=1e-6)
    """1 σ of the heights that neighbouring targets do not share: folds and thickness of carbon and ice over 1 to 5 µm,
    some nanometres. What waves shorter than the distance of focus targets do beyond it nobody sees."""
    drift_m_per_s: Speed = Field(default=0.02e-9, ge=0, le=100e-9)
    """1 σ of how fast focus drifts, of the film's height and of the lens: what was found is worth less as it ages."""


class Application(Settings):
    """A whole application."""

    name: str = Field(min_length=1, max_length=40, pattern=_NAME)
    text: str = ""
    """What it is for, for people."""
    grid: GridSettings = GridSettings()
    goniometer: GoniometerSettings = GoniometerSettings()
    presets: Mapping[str, PresetSettings] = Field(default_factory=dict)
    """The application's presets by name."""
    nodes: tuple[NodeSettings, ...] = Field(min_length=1)
    """In the order in which they work off the targets of each of the grid's targets."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        seen: dict[str, NodeSettings] = {}
        for node in self.nodes:
            if node.name in seen:
                raise ValueError(f"two nodes are called '{node.name}'. Give each a name of its own.")
            alike = [name for name in seen if in_files(name).casefold() == in_files(node.name).casefold()]
            if alike:
                raise ValueError(f"nodes '{alike[0]}' and '{node.name}' would have the same file names. Rename one.")
            if node.inside is not None and node.inside not in seen:
                raise ValueError(
                    f"node '{node.name}' stands inside '{node.inside}', and no node before it is called so "
                    f"(before it: {', '.join(seen) or 'none'})."
                )
            self._check_not_shifted(node)
            seen[node.name] = node
        return self

    def _check_not_shifted(self, node: NodeSettings) -> None:
        """Raise ValueError where defocus matters and the preset looks beside the target."""
        steps = () if node.focus is None else node.focus.sequence.steps
        matters = node.kind is not Kind.ACQUIRE or node.within_m is not None
        for name in (node.preset, *(step.preset for step in steps)):
            preset = self.presets.get(name or "")
            if matters and preset is not None and any(preset.image_shift_m):
                raise ValueError(
                    f"preset '{name}' has an image shift, and the film's height that far beside the target is not "
                    f"known to node '{node.name}', whose defocus matters. Take the shift out, and place the node's "
                    "targets there instead (targets: centre)."
                )

    def node(self, name: str) -> NodeSettings:
        """The node of that name. Raises KeyError."""
        return next(n for n in self.nodes if n.name == name)
