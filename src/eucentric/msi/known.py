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
    """One need or promise with its numbers. `remedy` says what would meet it; empty where it is met.

    In metres (`unit` "m") |what| is within `value`, and must be within `limit`: "height", "defocus". As a part of
    something (`unit` "") it is `value`, and must be `limit` at least: "brightness".
    """

    what: str
    limit: float
    value: float | None  # None: not known
    remedy: str = ""
    soft: bool = False  # an image that goes without is taken, and flagged
    unit: str = "m"

    @property
    def met(self) -> bool:
        """Whether it is met."""
        if self.value is None:
            return False
        return self.value <= self.limit if self.unit else self.value >= self.limit

    def __str__(self) -> str:
        if not self.unit:
            return f"{self.what} {'not known' if self.value is None else f'{self.value:.2g}'} (at least {self.limit:g})"
        now = "not known" if self.value is None else f"±{show_bound(self.value)}"
        return f"{self.what} {now} (limit ±{show_bound(self.limit)})"
