"""A guarded microscope that tells each image that was taken, at once: what it spent is then known, whatever comes. And
how it sets the stigmator, which an operator may set too, and since when the stage stands at its height and tilt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope, Vector


@dataclass(slots=True)
class Standing:
    """Since when (microscope's clock) the stage was not sent to another z or tilt: shared by all copies of a guard."""

    since_s: float


class Metered(Guarded):
    """`Guarded`, and `taken` is called with each image, `setting` with each stigmator value before it is set."""

    taken: Callable[[Frame], None]
    setting: Callable[[Vector], None]
    standing: Standing

    @classmethod
    def over(
        cls,
        microscope: Microscope,
        check: Callable[[], None],
        taken: Callable[[Frame], None],
        setting: Callable[[Vector], None] = lambda _: None,
    ) -> Metered:
        """Around a microscope, or sharing thread, last image and what was set with a guard that is there already.

        `check` is looked at as that guard's own checkpoint is.
        """
        guard = microscope if isinstance(microscope, Guarded) else Guarded(microscope)
        given = guard.checkpoint

        def both() -> None:
            if given is not None:
                given()
            check()

        metered = cls.__new__(cls)
        metered.__dict__.update(vars(guard.with_checkpoint(both)))
        metered.taken, metered.setting = taken, setting
        metered.standing = Standing(metered.now_s())
        return metered

    def acquire(self) -> Frame:
        """One image."""
        frame = super().acquire()
        self.taken(frame)
        return frame

    def move_stage(
        self,
        *,
        x_m: float | None = None,
        y_m: float | None = None,
        z_m: float | None = None,
        alpha_rad: float | None = None,
    ) -> None:
        """Move the stage; what is None stays."""
        try:
            super().move_stage(x_m=x_m, y_m=y_m, z_m=z_m, alpha_rad=alpha_rad)
        finally:  # half way, it came from there too
            if z_m is not None or alpha_rad is not None:
                self.standing.since_s = self.now_s()

    def set_stigmator(self, value: Vector) -> None:
        """Set the stigmator. What restoring sets is known already, and must not hang on a disk that is full."""
        if not self._restoring:
            self.setting(value)
        super().set_stigmator(value)
