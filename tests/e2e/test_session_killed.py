"""A session whose process is killed, on an instrument that lives on: taken up again, nothing done twice, nothing lost.

`make bench ARGS=kills` does it 20 times at random moments.
"""

from __future__ import annotations

from benchmarks.apart import Kill
from benchmarks.kills import Story, story, torn, two_at_once

SEED = 3


def _sound(told: Story) -> None:
    assert told.wrong == ()


def test_killed_again_and_again_also_while_it_is_taken_up() -> None:
    """In Z Focus, while what that left changed is put right, and in Focus; a note was torn each time."""
    told = story("killed", (Kill(130, 0.02), Kill(25), Kill(330, 0.0)), seed=SEED, between=torn)
    assert told.kills == 3
    _sound(told)


def test_between_an_exposure_and_its_being_kept() -> None:
    """Killed before the camera's answer comes: the first image is lost, and is not taken twice."""
    told = story("killed", (Kill(1, name="acquire"),), seed=SEED)
    assert told.kills == 1
    assert told.interrupted == ("Square 1",)
    _sound(told)


def test_two_processes_at_once() -> None:
    """The second one is refused, and the first one goes on."""
    _sound(two_at_once(SEED))
