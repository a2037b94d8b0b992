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
from eucentric.units import E_PER_A2, show_length

_BEYOND = 4.0  # times the limit: what lies further off is shown at the edge, with its number
_MOST_LEVEL, _MOST_NUMBERS = 8, 30  # images beside which a number has room level, and upright
_LANE_PT, _NO_LANE_PT = 20, 6  # above the axis, with marks of flagged images and without
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
    dose_e_per_m2: float


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
                    bool(one.flagged) or one.error_sigma_m is None,
                    one.dose_e_per_m2,
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
        _expected(ax, n, shot, to, len(shots))
        _true(ax, n, true_m.get(shot.file), to, len(shots))
    _flags(ax, [n for n, shot in enumerate(shots) if shot.flagged])
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
    ax.set_ylim(-edge, edge)
    ax.set_xlim(-0.5, len(shots) - 0.5)
    ax.set_ylabel(f"defocus − intended ({to.unit})")
    exposures = "1 exposure" if len(shots) == 1 else f"{len(shots)} exposures"
    ax.set_title(f"Defocus of {exposures} (intended {_intended(shots)}, {_doses(shots)})", pad=_pad(shots))
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
        _flags(ax, [t for t, s in zip(tilt, one, strict=True) if s.flagged])
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
    ax.set_ylim(-edge, edge)
    ax.set_xlabel("tilt of the stage (°)")
    ax.set_ylabel(f"defocus − intended ({to.unit})")
    ax.set_title(
        f"Defocus of {len(series)} tilt series (intended {_intended(shots)}, {_doses(shots)})", pad=_pad(shots)
    )
    _legend(ax, shots, bool(true_m), allowed="allowed (rms)", tilts=True)


def _intended(shots: Sequence[Shot]) -> str:
    each = sorted({s.intended_m for s in shots})
    return show_length(each[0]) if len(each) == 1 else f"{show_length(each[0])} to {show_length(each[-1])}"


def _doses(shots: Sequence[Shot]) -> str:
    """Electrons of each image: "20.0 e/Å² each"."""
    least, most = (f"{pick(s.dose_e_per_m2 for s in shots) / E_PER_A2:.1f}" for pick in (min, max))
    return f"{least} e/Å² each" if least == most else f"{least} to {most} e/Å² each"


def _pad(shots: Sequence[Shot]) -> float:
    """Below the title, points: room for the lane of flags where there are some."""
    return _LANE_PT if any(s.flagged for s in shots) else _NO_LANE_PT


def _flags(ax: Axes, at: Sequence[float]) -> None:
    """Marks of images that are flagged, in a lane of their own above the axis: they are no values."""
    if at:  # of nothing the layout could not tell where it is
        ax.plot(
            at, [1.045] * len(at), "X", color=ORANGE, markersize=8, transform=ax.get_xaxis_transform(), clip_on=False
        )


def _edge(shots: Sequence[Shot], true_m: Mapping[str, float]) -> float:
    """Half the height of the axis, metres: all that is shown, but not more than some limits."""
    limits = [s.limit_m for s in shots if s.limit_m is not None]
    sizes = [COVERAGE * (s.sigma_m or 0.0) for s in shots] + [abs(true_m[s.file]) for s in shots if s.file in true_m]
    whole = max([*sizes, *limits, 1e-9]) * 1.25
    return min(whole, _BEYOND * max(limits)) if limits else whole


def _scale(edge_m: float) -> _Scale:
    per_m, unit = (1e9, "nm") if edge_m < 2e-6 else (1e6, "µm")
    return _Scale(per_m, unit, edge_m * per_m)


def _expected(ax: Axes, n: int, shot: Shot, to: _Scale, count: int) -> None:
    if shot.sigma_m is None:
        return
    color = ORANGE if shot.flagged else BLUE
    bar, edge = COVERAGE * shot.sigma_m * to.per_m, to.edge
    if bar <= edge:
        ax.errorbar(n, 0.0, yerr=bar, color=color, capsize=4, marker=".", markersize=4, linewidth=1.4)
        return
    ax.plot([n, n], [-edge, edge], color=color, linewidth=1.4)
    _beside(ax, n, f"±{bar:.0f} {to.unit}", color, count)


def _true(ax: Axes, n: int, true_m: float | None, to: _Scale, count: int) -> None:
    if true_m is None:
        return
    value, edge, unit = true_m * to.per_m, to.edge, to.unit
    if abs(value) <= edge:
        ax.plot(n, value, "D", color="black", markerfacecolor="none", markersize=6)
        return
    up = value > 0
    ax.plot(n, 0.96 * edge * (1 if up else -1), "^" if up else "v", color=RED, markersize=8)
    _beside(ax, n, f"{value:.0f} {unit}".replace("-", "−"), RED, count, left=True, top=up)


def _beside(ax: Axes, n: int, text: str, color: str, count: int, *, left: bool = False, top: bool = True) -> None:
    """A number that lies beyond the axis, beside its image's line; upright where room is short, none for very many."""
    if count > _MOST_NUMBERS:
        return
    ax.annotate(
        text,
        (n, 1.0 if top else 0.0),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-7 if left else 4, -3 if top else 3),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top" if top else "bottom",
        fontsize=8,
        color=color,
        rotation=0 if count <= _MOST_LEVEL else 90,
    )


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
