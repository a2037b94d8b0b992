"""Coherence of the two images against spatial frequency, with the part that carried weight."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from eucentric.correlation.shift import Coherence
from eucentric.figures.style import BLUE, GREEN, GREY


def draw_coherence(ax: Axes, coherence: Coherence | None, pixel_m: float) -> None:
    """γ per ring against spatial frequency in 1/nm; what was used is shaded, its noise dashed."""
    ax.set_title("Coherence of the two images")
    ax.set_xlabel("spatial frequency (1/nm)")
    ax.set_ylabel("coherence γ")
    if coherence is None:
        ax.text(0.5, 0.5, "No coherence is stated for this pair.", transform=ax.transAxes, ha="center",
                va="center", color=GREY)  # fmt: skip
        return
    frequency = coherence.frequency / (pixel_m * 1e9)
    # γ is at most 1: a ring that says more must not flatten all others.
    low = float(np.clip(np.min(coherence.gamma) - 0.02, -0.3, -0.05))
    top = max(float(np.max(coherence.gamma)), 2 * float(np.median(coherence.noise)))
    high = float(np.clip(1.15 * top + 0.02, 0.05, 1.1))
    edges = _edges(frequency)
    for index in np.flatnonzero(coherence.used):
        ax.axvspan(edges[index], edges[index + 1], color=GREEN, alpha=0.18, linewidth=0)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.plot(frequency, coherence.gamma, color=BLUE, linewidth=1.3, label="coherence")
    ax.plot(frequency, 2 * coherence.noise, color=GREY, linewidth=1.0, linestyle="--", label="2σ of noise alone")
    if coherence.used.any():
        ax.fill_between([], [], color=GREEN, alpha=0.18, linewidth=0, label="used")
    ax.set_xlim(0, float(edges[-1]))
    ax.set_ylim(low, high)
    ax.legend(loc="upper right")


def _edges(centres: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Edges of rings, half way between their centres."""
    if centres.size < 2:
        return np.array([0.0, 2 * float(centres[0])])
    between = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]])
