"""What comes before a measurement: the way to the target, melting once, and waiting for the specimen to be still."""

from __future__ import annotations

import math

from eucentric.focus.drift import Stillness, wait_until_still
from eucentric.focus.events import Melted
from eucentric.focus.hands import Hands
from eucentric.focus.journey import Journey
from eucentric.focus.settings import FocusStep
from eucentric.focus.targets import FocusTarget
from eucentric.focus.verdict import Finding
from eucentric.focus.work import Work


class Before:
    """Makes targets ready for one step."""

    def __init__(self, work: Work, step: FocusStep, hands: Hands, journey: Journey) -> None:
        self._work = work
        self._step = step
        self._hands = hands
        self._journey = journey
        self._seen_still: set[str] = set()

    def ready(self, target: FocusTarget) -> Finding | None:
        """Go to the target, melt it, wait until it is still; why it must not be measured, None when it may."""
        self._journey.go(target)
        refusal = self._melt(target)
        if refusal is not None:
            return refusal
        if self._step.check_drift and (self._work.drifting or target.name not in self._seen_still):
            return self.still(target).refusal
        return None

    def still(self, target: FocusTarget) -> Stillness:
        """Wait until the target is still."""
        found = wait_until_still(self._work, self._step, target)
        if found.refusal is None:
            self._seen_still.add(target.name)
        return found

    def _melt(self, target: FocusTarget) -> Finding | None:
        """Expose for the melt time, once for each target of the run: motion of the first exposures is then over."""
        work, settings = self._work, self._work.settings
        if settings.melt_time_s == 0.0 or target.name in work.melted:
            return None
        elsewhere = (settings.melt_preset or self._step.preset) != self._step.preset
        if elsewhere:  # a preset may bring a defocus and an image shift of its own: back to the target, and at the end
            self._hands.set_preset(settings.melt_preset or self._step.preset)
            self._journey.go(target)
        preset = work.scope.preset()
        exposures = max(1, math.ceil(settings.melt_time_s / preset.exposure_s - 1e-9))
        refusal = work.too_much(target.name, exposures * preset.dose_e_per_m2, f"Melting ({exposures} exposures)")
        dose = 0.0
        if refusal is None:
            work.melted.add(target.name)
            work.expose(target.name)
            for _ in range(exposures):
                dose += work.spend(target.name, work.scope.acquire())
            work.tell(Melted(work.now_s(), target.name, preset.name, exposures, dose))
        if elsewhere:
            self._hands.set_up(self._step)
            self._journey.go(target)
        return refusal
