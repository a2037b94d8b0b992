"""The order of calibrations: each finds known what it needs."""

from __future__ import annotations

from eucentric.calibrate.plan import ESSENTIAL, Presets, Task, blocked_by, find, rough_task, tasks
from eucentric.calibration.commands import COMMANDS

PRESETS = Presets("fa", "hl", ("en",))


def test_what_a_task_needs_comes_before_it() -> None:
    done: set[tuple[str, str]] = set()
    for task in tasks(PRESETS):
        assert blocked_by(task, done) == ()
        done.add(task.key)


def test_no_task_twice_and_all_kinds_but_the_declared_one() -> None:
    """The focus scale needs a reference that an operator declares: nobody measures it unasked."""
    order = tasks(PRESETS)
    assert len({t.key for t in order}) == len(order)
    assert {t.kind for t in order} == set(COMMANDS.values()) - {"focus scale"}
    assert {t.kind for t in order} >= ESSENTIAL


def test_coming_near_needs_nothing() -> None:
    first = rough_task(PRESETS)
    assert (first.preset, first.rough, first.near, first.needs) == ("hl", True, False, ())


def test_a_task_that_no_order_names_needs_its_presets_tilt_response() -> None:
    assert find("stigmator response", "fa", tasks(PRESETS)).needs == (("tilt response", "fa"), ("coma-free axis", "fa"))
    assert find("stigmator response", "en", tasks(PRESETS)) == Task(
        "stigmator response", "en", (("tilt response", "en"),)
    )
    assert find("tilt response", "sq", tasks(PRESETS)).needs == ()


def test_a_task_says_its_command() -> None:
    assert Task("coma-free axis", "fa").command == "eucentric calibrate coma-free --preset fa"
