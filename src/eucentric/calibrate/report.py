"""A pre-flight's report: lines of green, amber and red, each with its number, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from eucentric.calibration.record import Level

_ORDER = (Level.GREEN, Level.AMBER, Level.RED)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at.

    `key` is its name ("ratio", "pivot"); `value` the number for people, with error and unit ("" where there is none);
    `sentence` what it means and, unless green, what to do. `number` and `sigma` are the value in SI where there is one.
    `rests_on` names the red lines because of which this one can't be judged.
    """

    key: str
    level: Level
    value: str
    sentence: str
    number: float | None = None
    sigma: float | None = None
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DefocusPoint:
    """Measured against known: change of C1 from the mean, commanded and measured (m), and 1σ of what was measured."""

    actual_m: float
    measured_m: float
    sigma_m: float


@dataclass(frozen=True, slots=True)
class Report:
    """All lines, in the order of a pre-flight, and the points of the ratio."""

    instrument: str
    preset: str
    lines: tuple[Line, ...]
    points: tuple[DefocusPoint, ...] = ()
    dose_per_m2: float = 0.0
    seconds: float = 0.0
    cautions: tuple[str, ...] = field(default=())

    @property
    def level(self) -> Level:
        """The worst of all lines."""
        return worst(*(line.level for line in self.lines))

    def line(self, key: str) -> Line | None:
        """The line of that name, None where it was not looked at."""
        return next((line for line in self.lines if line.key == key), None)

    @property
    def sentence(self) -> str:
        """The report in one sentence."""
        bad = [line for line in self.lines if line.level is Level.RED]
        careful = [line for line in self.lines if line.level is Level.AMBER]
        if bad:
            return f"Not ready to focus: {', '.join(line.key for line in bad)}."
        if careful:
            return f"Ready with care: look at {', '.join(line.key for line in careful)}."
        return "Ready to focus."


def worst(*levels: Level) -> Level:
    """The worst of some levels; green of none."""
    return max(levels, key=_ORDER.index, default=Level.GREEN)


def graded(size: float, amber: float, red: float) -> Level:
    """Green up to `amber`, amber up to `red`, red beyond, by absolute value."""
    return Level.GREEN if abs(size) <= amber else Level.AMBER if abs(size) <= red else Level.RED
