"""Defocus errors of a session's images: expected, true, and allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED
from eucentric.focus.outcome import COVERAGE
from eucentric.msi.application import Application, Kind
from eucentric.msi.outcome import SessionResult
from eucentric.units import show_length

_BEYOND = 4.0  # times the limit: what lies further off is shown at the edge, with its number
_LABELS = 24  # more parents than that are not named one by one


@dataclass(frozen=True, slots=True)
class _Scale:
    """What one metre is on the axis, in which unit, and where the axis ends."""

    per_m: float
    unit: str
    edge: float


@dataclass(frozen=True, slots=True)
class Shot:
    """One image whose focus matters: metres; `limit_m` what is allowed (3 σ), None: nothing was said."""

    key: str
    parent: str
    file: str
    alpha_rad: float
    intended_m: float
    sigma_m: float | None
    limit_m: float | None
    flagged: bool


def shots_of(result: SessionResult, application: Application) -> list[Shot]:
    """The exposures, in order; not those of tilt series."""
    return [s for s, kind in _all(result, application) if kind is not Kind.TILT_SERIES]


def series_of(result: SessionResult, application: Application) -> dict[str, list[Shot]]:
    """The images of each tilt series, from the most negative tilt to the most positive one."""
    out: dict[str, list[Shot]] = {}
    for shot, kind in _all(result, application):
        if kind is Kind.TILT_SERIES:
            out.setdefault(shot.key, []).append(shot)
    return {key: sorted(shots, key=lambda s: s.alpha_rad) for key, shots in out.items()}


def _all(result: SessionResult, application: Application) -> list[tuple[Shot, Kind]]:
    out = []
    for outcome in result.outcomes:
        node = application.node(outcome.node)
        limit_m = node.series.focus_within_m if node.series is not None else node.within_m
        for one in outcome.exposures:
            if one.intended_m is not None:
                parent = outcome.key.rpartition("/")[0]
                shot = Shot(
                    outcome.key,
                    parent,
                    one.file,
                    one.alpha_rad,
                    one.intended_m,
                    one.error_sigma_m,
                    limit_m,
                    bool(one.flagged),
                )
                out.append((shot, node.kind))
    return out


def draw_exposures(ax: Axes, shots: Sequence[Shot], true_m: Mapping[str, float]) -> None:
    """Each exposure: 0 ± 3σ as expected, the truth where it is known, the limit as a band."""
    to = _scale(_edge(shots, true_m))
    scale, edge = to.per_m, to.edge
    for n, shot in enumerate(shots):
        if shot.limit_m is not None:
            ax.fill_between([n - 0.5, n + 0.5], -shot.limit_m * scale, shot.limit_m * scale, color=GREEN, alpha=0.13,
                            linewidth=0)  # fmt: skip
        _expected(ax, n, shot, to)
        _true(ax, n, true_m.get(shot.file), to)
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
    ax.set_ylim(-edge, edge)
    ax.set_xlim(-0.5, len(shots) - 0.5)
    ax.set_ylabel(f"defocus − intended ({to.unit})")
    ax.set_title(f"Defocus of {len(shots)} exposures (intended {_intended(shots)})")
    _parents(ax, shots)
    _legend(ax, shots, bool(true_m))


def draw_tilts(ax: Axes, series: Mapping[str, Sequence[Shot]], true_m: Mapping[str, float]) -> None:
    """The defocus error against the stage's tilt, one curve of truth for each series, with what was expected."""
    shots = [s for one in series.values() for s in one]
    to = _scale(_edge(shots, true_m))
    scale, edge = to.per_m, to.edge
    limits = {s.limit_m for s in shots if s.limit_m is not None}
    if limits:
        ax.axhspan(-max(limits) * scale, max(limits) * scale, color=GREEN, alpha=0.13, linewidth=0)
    for number, one in enumerate(series.values()):
        tilt = [math.degrees(s.alpha_rad) for s in one]
        sigma = [COVERAGE * (s.sigma_m or 0.0) * scale for s in one]
        ax.fill_between(tilt, [-s for s in sigma], sigma, color=BLUE,
                        alpha=max(0.2 / len(series), 0.02), linewidth=0)  # fmt: skip
        known = [(t, true_m[s.file] * scale) for t, s in zip(tilt, one, strict=True) if s.file in true_m]
        if known:
            ax.plot(*zip(*known, strict=True), "-D", color="black", alpha=0.8 if number == 0 else 0.4, linewidth=0.8,
                    markersize=4, markerfacecolor="none")  # fmt: skip
        bad = [(t, 0.0) for t, s in zip(tilt, one, strict=True) if s.flagged]
        if bad:
            ax.plot(*zip(*bad, strict=True), "X", color=ORANGE, markersize=8)
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
    ax.set_ylim(-edge, edge)
    ax.set_xlabel("tilt of the stage (°)")
    ax.set_ylabel(f"defocus − intended ({to.unit})")
    ax.set_title(f"Defocus of {len(series)} tilt series (intended {_intended(shots)})")
    _legend(ax, shots, bool(true_m), allowed="allowed (rms)", tilts=True)


def _intended(shots: Sequence[Shot]) -> str:
    each = sorted({s.intended_m for s in shots})
    return show_length(each[0]) if len(each) == 1 else f"{show_length(each[0])} to {show_length(each[-1])}"


def _edge(shots: Sequence[Shot], true_m: Mapping[str, float]) -> float:
    """Half the height of the axis, metres: all that is shown, but not more than some limits."""
    limits = [s.limit_m for s in shots if s.limit_m is not None]
    sizes = [COVERAGE * (s.sigma_m or 0.0) for s in shots] + [abs(true_m[s.file]) for s in shots if s.file in true_m]
    whole = max([*sizes, *limits, 1e-9]) * 1.25
    return min(whole, _BEYOND * max(limits)) if limits else whole


def _scale(edge_m: float) -> _Scale:
    per_m, unit = (1e9, "nm") if edge_m < 2e-6 else (1e6, "µm")
    return _Scale(per_m, unit, edge_m * per_m)


def _expected(ax: Axes, n: int, shot: Shot, to: _Scale) -> None:
    scale, edge, unit = to.per_m, to.edge, to.unit
    color = ORANGE if shot.flagged else BLUE
    if shot.flagged or shot.sigma_m is None:
        ax.plot(n, -0.94 * edge, "X", color=ORANGE, markersize=8)
    if shot.sigma_m is None:
        return
    bar = COVERAGE * shot.sigma_m * scale
    ax.errorbar(n, 0.0, yerr=min(bar, 2 * edge), color=color, capsize=4, marker=".", markersize=4, linewidth=1.4)
    if bar > edge:
        ax.text(n, 0.97 * edge, f"±{bar:.0f} {unit}", ha="center", va="top", fontsize=8, color=color, rotation=90)


def _true(ax: Axes, n: int, true_m: float | None, to: _Scale) -> None:
    if true_m is None:
        return
    value, edge, unit = true_m * to.per_m, to.edge, to.unit
    if abs(value) <= edge:
        ax.plot(n, value, "D", color="black", markerfacecolor="none", markersize=6)
        return
    up = value > 0
    ax.plot(n, 0.96 * edge * (1 if up else -1), "^" if up else "v", color=RED, markersize=8)
    ax.annotate(f"{value:.0f} {unit}".replace("-", "−"), (n, 0.9 * edge * (1 if up else -1)), ha="center",
                va="top" if up else "bottom", fontsize=8, color=RED)  # fmt: skip


def _parents(ax: Axes, shots: Sequence[Shot]) -> None:
    """Name the targets below the axis: holes with a line between them, squares where there are too many."""
    spans: list[tuple[str, int, int]] = []
    for level in (0, 1):
        spans, at = [], 0
        for name, some in groupby(shots, key=lambda s: s.parent if level == 0 else s.parent.partition("/")[0]):
            count = len(list(some))
            spans.append((name, at, count))
            at += count
        if len(spans) <= _LABELS:
            break
    for _, at, _ in spans[1:]:
        ax.axvline(at - 0.5, color=GREY, linewidth=0.6)
    step = 1 + len(spans) // _LABELS
    ax.set_xticks([at + (count - 1) / 2 for _, at, count in spans[::step]])
    ax.set_xticklabels([name.replace("/", "\n") for name, _, _ in spans[::step]], fontsize=8 if len(spans) > 8 else 9)
    ax.tick_params(axis="x", length=0)


def _legend(
    ax: Axes, shots: Sequence[Shot], with_truth: bool, *, allowed: str = "allowed", tilts: bool = False
) -> None:
    """Explain the marks with empty artists, so that each is there once."""
    marks: list[Artist] = [ax.fill_between([], [], color=BLUE, alpha=0.2)] if tilts else [
        *ax.plot([], [], linestyle="none", marker="|", markersize=14, markeredgewidth=1.4, color=BLUE)
    ]  # fmt: skip
    labels = ["expected (3 σ)"]
    if any(s.limit_m is not None for s in shots):
        marks.append(ax.fill_between([], [], color=GREEN, alpha=0.13))
        labels.append(allowed)
    if any(s.flagged for s in shots):
        marks += ax.plot([], [], "X", color=ORANGE, markersize=8)
        labels.append("flagged: not to be relied on")
    if with_truth:
        marks += ax.plot([], [], "D", color="black", markerfacecolor="none", markersize=6)
        labels.append("truth (simulation)")
    ax.legend(marks, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0))
