"""What a session spent: time by activity, and the electrons of focusing and of images by target."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY
from eucentric.msi.outcome import SessionResult, Status
from eucentric.units import E_PER_A2

_BARS = 24  # more targets than that are shown together, node by node
_NODES = (BLUE, ORANGE, GREEN, SKY)
_IMAGES = "#B0B0B0"


def seconds_by_activity(result: SessionResult) -> dict[str, float]:
    """Seconds of the microscope's time by activity, the longest first; what nobody counted is "other"."""
    out: dict[str, float] = {}
    rest = 0.0
    for outcome in result.outcomes:
        for name, seconds in outcome.activities:
            out[name] = out.get(name, 0.0) + seconds
        rest += outcome.ended_s - outcome.begun_s - sum(s for _, s in outcome.activities)
    if rest > 0.5:
        out["other"] = out.get("other", 0.0) + rest
    return dict(sorted(out.items(), key=lambda one: -one[1]))


def draw_time(ax: Axes, result: SessionResult) -> None:
    """Time by activity, as bars."""
    spent = seconds_by_activity(result)
    whole = sum(spent.values())
    ax.set_title(f"Time on the microscope: {whole / 60:.1f} min")
    ax.set_xlabel("minutes")
    if not whole:
        return
    names = list(spent)
    minutes = [spent[n] / 60 for n in names]
    ax.barh(range(len(names)), minutes, color=BLUE, height=0.6)
    for n, value in enumerate(minutes):
        ax.annotate(f"{value:.1f} min, {100 * value * 60 / whole:.0f} %", (value, n), xytext=(4, 0),
                    textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set_xlim(0, max(minutes) * 1.35)
    ax.invert_yaxis()


@dataclass(frozen=True, slots=True)
class _Spent:
    """Electrons/Å² at a target: of focusing, and of its images whose focus matters. `ended` well, or not."""

    key: str
    node: str
    focusing: float
    images: float
    well: bool

    @property
    def whole(self) -> float:
        """Both."""
        return self.focusing + self.images


def _spent(result: SessionResult) -> list[_Spent]:
    out = []
    for o in result.outcomes:
        images = sum(e.dose_e_per_m2 for e in o.exposures if e.intended_m is not None) / E_PER_A2
        if images or o.focus_exposures or o.focus_dose_e_per_m2:
            out.append(_Spent(o.key, o.node, o.focus_dose_e_per_m2 / E_PER_A2, images, o.status is Status.DONE))
    for key, dose in result.not_ended:
        node = key.rpartition("/")[2].rpartition(" ")[0]
        out.append(_Spent(key, node, dose / E_PER_A2, 0.0, False))
    return out


def draw_electrons(ax: Axes, result: SessionResult, *, narrow: bool = False) -> None:
    """What focusing and images put on each of their targets."""
    ax.set_title("Electrons by target")
    ax.set_ylabel("e/Å²")
    some = _spent(result)
    if not some:
        ax.text(0.5, 0.5, "None.", transform=ax.transAxes, ha="center", color=GREY)
        return
    focusing = list(dict.fromkeys(s.node for s in some if s.focusing))
    colours = {name: _NODES[n % len(_NODES)] for n, name in enumerate(focusing)}
    if len(some) > _BARS:
        _by_node(ax, some, colours)
        return
    for n, one in enumerate(some):
        colour = colours.get(one.node, _IMAGES)
        ax.bar(n, one.focusing, color=colour, width=0.7, hatch=None if one.well else "////",
               edgecolor=colour if one.well else RED)  # fmt: skip
        ax.bar(n, one.images, bottom=one.focusing, color=_IMAGES, width=0.7)
        ax.annotate(_number(one.whole), (n, one.whole), xytext=(0, 2), textcoords="offset points", ha="center",
                    fontsize=8)  # fmt: skip
    upright = len(some) > (4 if narrow else 10)
    ax.set_xticks(range(len(some)), _names(some, upright=upright), fontsize=7.5, rotation=90 if upright else 0)
    ax.set_ylim(0, ax.get_ylim()[1] * 1.06)
    marks = [Patch(color=colours[name], label=name) for name in focusing]
    if any(s.images for s in some):
        marks.append(Patch(color=_IMAGES, label="images"))
    if any(not s.well for s in some):
        marks.append(Patch(facecolor="none", edgecolor=RED, hatch="////", label="refused,\nfailed or\ncut off"))
    ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _names(some: list[_Spent], *, upright: bool) -> list[str]:
    """The keys on few lines where they stand upright: without the target of the grid, where there is but one."""
    if not upright:
        return [s.key.replace("/", "\n") for s in some]
    only = len({s.key.partition("/")[0] for s in some}) == 1
    keys = [s.key.partition("/")[2] or s.key if only else s.key for s in some]
    return keys if only else ["\n".join(filter(None, k.rpartition("/")[::2])) for k in keys]


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _by_node(ax: Axes, some: list[_Spent], colours: dict[str, str]) -> None:
    """Each node's targets as points beside each other, with their mean."""
    nodes = list(dict.fromkeys(s.node for s in some))
    for n, name in enumerate(nodes):
        colour, doses = colours.get(name, _IMAGES), [s.whole for s in some if s.node == name]
        # side by side rather than drawn at random, so that the figure is the same each time
        x = [n - 0.3 + 0.6 * (k + 0.5) / len(doses) for k in range(len(doses))]
        ax.plot(x, doses, ".", color=colour)
        mean = sum(doses) / len(doses)
        ax.plot([n - 0.35, n + 0.35], [mean, mean], color=colour, linewidth=1.5)
        ax.annotate(f"mean {_number(mean)}\nmost {_number(max(doses))}", (n, max(doses)), xytext=(0, 5),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set_xticks(range(len(nodes)), [f"{name} ({sum(s.node == name for s in some)})" for name in nodes])
    ax.set_xlim(-0.5, len(nodes) - 0.5)
    ax.set_ylim(0, ax.get_ylim()[1] * 1.2)
