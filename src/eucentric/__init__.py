"""eucentric: autofocus for transmission electron microscopes by beam tilt, with an honest error bar.

What a script calls is here: `measure_shift` for two images, `measure_defocus` for a beam-tilt pair with its optics.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eucentric.correlation.measure import measure_shift
    from eucentric.correlation.shift import Method, Shift
    from eucentric.errors import EucentricError
    from eucentric.focus.measure import measure_defocus
    from eucentric.focus.result import DefocusResult

__version__ = "0.1.0"
__all__ = ["DefocusResult", "EucentricError", "Method", "Shift", "__version__", "measure_defocus", "measure_shift"]

_HOMES = {
    "measure_shift": "eucentric.correlation.measure",
    "measure_defocus": "eucentric.focus.measure",
    "Method": "eucentric.correlation.shift",
    "Shift": "eucentric.correlation.shift",
    "DefocusResult": "eucentric.focus.result",
    "EucentricError": "eucentric.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line stays quick to start."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eucentric' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
