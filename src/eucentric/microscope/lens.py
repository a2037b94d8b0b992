"""The lens of a microscope, told from its own zero where that can be read."""

from __future__ import annotations

from eucentric.microscope.protocol import Microscope


def lens_of(scope: Microscope) -> float:
    """Its setting in metres: the absolute one where that can be read, else what it is from defocus zero."""
    return scope.focus_m() if scope.capabilities.defocus_zero else scope.defocus_m()


def zero_of(scope: Microscope) -> float:
    """The setting that is called defocus 0, metres; 0 where the absolute one can't be read."""
    return scope.focus_m() - scope.defocus_m() if scope.capabilities.defocus_zero else 0.0
