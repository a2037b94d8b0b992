"""The page of magnitudes that users read."""

from __future__ import annotations

from pathlib import Path

from eucentric.microscope.simulated.page import page

_DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_current() -> None:
    """If red: python -m eucentric.microscope.simulated.page > docs/simulated-microscope.md"""
    assert (_DOCS / "simulated-microscope.md").read_text(encoding="utf-8") == page()


def test_the_page_has_every_magnitude() -> None:
    """Also those of presets and limits, with their units' names and defaults."""
    assert "| `presets.fa.dose_e_per_m2` | 5e+20 |" in page()
    assert "| `limits.tilt_max_rad` | 0.02 |" in page()
    assert "| `column.aperture_rad` | 0.025 | objective aperture's semi-angle; None: no aperture | none |" in page()
