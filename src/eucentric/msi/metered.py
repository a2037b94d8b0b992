"""A guarded microscope that tells each image that was taken, at once: what it spent is then known, whatever comes. And
how it sets the stigmator, which an operator may set too.
"""

from __future__ import annotations

from collections.abc import Callable

from eucentric.images.frame import Frame
from eucentric.microscope.guarded import Guarded
from eucentric.microscope.protocol import Microscope, Vector


class Metered(Guarded):
    """`Guarded`, and `taken` is called with each image, `setting` with each stigmator value before it is set."""

    taken: Callable[[Frame], None]
    setting: Callable[[Vector], None]

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
        return metered

    def acquire(self) -> Frame:
        """One image."""
        frame = super().acquire()
        self.taken(frame)
        return frame

    def set_stigmator(self, value: Vector) -> None:
        """Set the stigmator."""
        self.setting(value)
        super().set_stigmator(value)
