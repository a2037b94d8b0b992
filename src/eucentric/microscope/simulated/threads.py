"""How many threads the simulated images are computed with."""

import os
from typing import Final

THREADS: Final = 1 if os.environ.get("OMP_NUM_THREADS") == "1" else 2
"""One where a process is to keep to one core, as trials do of which each core has its own."""
