"""What a session spent: time by activity, and the electrons of focusing by target."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from eucentric.figures.style import BLUE, GREEN, GREY, ORANGE, RED, SKY
from eucentric.msi.outcome import SessionResult, Status, UnitOutcome

_E_PER_A2 = 1e20  # 1 e/Å² in e/m²
_BARS = 24  # more targets than that are shown together, node by node
_NODES = (BLUE, ORANGE, GREEN, SKY, GREY)


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


def draw_electrons(ax: Axes, result: SessionResult, *, narrow: bool = False) -> None:
    """What focusing put on each of its targets."""
    ax.set_title("Electrons spent on focusing, by target")
    ax.set_ylabel("e/Å²")
    some = [o for o in result.outcomes if o.focus_exposures or o.focus_dose_e_per_m2]
    if not some:
        ax.text(0.5, 0.5, "None.", transform=ax.transAxes, ha="center", color=GREY)
        return
    nodes = list(dict.fromkeys(o.node for o in some))
    colours = {name: _NODES[n % len(_NODES)] for n, name in enumerate(nodes)}
    if len(some) > _BARS:
        _by_node(ax, some, nodes, colours)
        return
    for n, outcome in enumerate(some):
        value = outcome.focus_dose_e_per_m2 / _E_PER_A2
        bad = outcome.status is not Status.DONE
        ax.bar(n, value, color=colours[outcome.node], width=0.7, hatch="////" if bad else None,
               edgecolor=RED if bad else colours[outcome.node])  # fmt: skip
        ax.annotate(f"{value:.0f}", (n, value), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8)
    ax.set_xticks(range(len(some)), [o.key.replace("/", "\n") for o in some], fontsize=7.5,
                  rotation=0 if len(some) <= (4 if narrow else 10) else 90)  # fmt: skip
    marks = [Patch(color=colours[name], label=name) for name in nodes]
    if any(o.status is not Status.DONE for o in some):
        marks.append(Patch(facecolor="none", edgecolor=RED, hatch="////", label="refused"))
    ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _by_node(ax: Axes, some: list[UnitOutcome], nodes: list[str], colours: dict[str, str]) -> None:
    """Each node's targets as points beside each other, with their mean."""
    for n, name in enumerate(nodes):
        doses = [o.focus_dose_e_per_m2 / _E_PER_A2 for o in some if o.node == name]
        # side by side rather than drawn at random, so that the figure is the same each time
        x = [n - 0.3 + 0.6 * (k + 0.5) / len(doses) for k in range(len(doses))]
        ax.plot(x, doses, ".", color=colours[name])
        mean = sum(doses) / len(doses)
        ax.plot([n - 0.35, n + 0.35], [mean, mean], color=colours[name], linewidth=1.5)
        ax.annotate(f"mean {mean:.0f}, most {max(doses):.0f}", (n, max(doses)), xytext=(0, 5),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set_xticks(range(len(nodes)), [f"{name} ({sum(o.node == name for o in some)})" for name in nodes])
    ax.set_xlim(-0.5, len(nodes) - 0.5)
    ax.set_ylim(0, ax.get_ylim()[1] * 1.15)
