"""What is known of focus at a place, and a node's needs and promises held against it."""

from __future__ import annotations

from dataclasses import dataclass

from eucentric.units import show_bound


@dataclass(frozen=True, slots=True)
class Known:
    """Bounds, metres: of |height| from the eucentric plane, and of |C1| with the lens where the session believes focus.

    Bounds hold at 3 σ; at the start of a session they are what the grid's settings say.
    """

    height_within_m: float
    defocus_within_m: float


@dataclass(frozen=True, slots=True)
class Check:
    """One need or promise with its numbers, metres: `what` is "height" or "defocus", |what| is within `is_m`, and
    must be within `limit_m`. `remedy` says what would meet it; empty where it is met.
    """

    what: str
    limit_m: float
    is_m: float | None  # None: not known
    remedy: str = ""
    soft: bool = False  # an image that goes without is taken, and flagged

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.is_m is not None and self.is_m <= self.limit_m

    def __str__(self) -> str:
        now = "not known" if self.is_m is None else f"±{show_bound(self.is_m)}"
        return f"{self.what} {now} (limit ±{show_bound(self.limit_m)})"
