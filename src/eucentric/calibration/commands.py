"""Which command measures which calibration: what an error tells the operator to run."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "tilt": "tilt response",
    "coma-free": "coma-free axis",
    "rotation-centre": "rotation centre",
    "stigmator": "stigmator response",
    "pivot": "pivot point",
    "settling": "tilt settling",
    "height": "stage Z",
    "alpha": "stage alpha",
    "eucentric-focus": "eucentric focus",
    "parfocality": "parfocality",
    "focus-scale": "focus scale",
    "hysteresis": "lens hysteresis",
    "backlash": "stage backlash",
}
"""Name of the command → kind of quantity."""


def command_for(kind: str, preset: str) -> str:
    """The command that measures it: `eucentric calibrate tilt --preset fa`."""
    name = next(command for command, measured in COMMANDS.items() if measured == kind)
    return f"eucentric calibrate {name} --preset {preset}"
