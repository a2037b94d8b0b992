"""A bar on the terminal while much is done: how many jobs or how much of it, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


@contextmanager
def counting(console: Console, what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Call what is yielded for each job that ended, with how it goes so far. Nothing where there is no terminal."""
    so_far_column = TextColumn("{task.fields[so_far]}", markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), so_far_column)
    bar = _bar(console, *columns, _TimeLeft())
    with bar:
        task = bar.add_task(what, total=total, so_far="", at_s=0.0)
        yield lambda so_far: bar.update(task, advance=1, so_far=so_far, at_s=bar.tasks[0].elapsed or 0.0)


@contextmanager
def advancing(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Call what is yielded with what is done now and how much of all is done, 0 to 1. Nothing where no terminal is."""
    percent, what = TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}")
    bar = _bar(console, BarColumn(bar_width=20), percent, TimeRemainingColumn(), what)
    with bar:
        whole = bar.add_task("starting", total=1.0)
        yield lambda now, fraction: bar.update(whole, completed=fraction, description=now)


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    """Into a file or a pipe nothing is drawn that would be wiped out again."""
    hidden = console.quiet or not console.is_terminal
    return Progress(*columns, console=console, transient=True, refresh_per_second=2, disable=hidden)


class _TimeLeft(ProgressColumn):
    """By all that has ended so far: jobs end in bursts, as many as there are workers, which misleads shorter views."""

    def render(self, task: Task) -> Text:
        at_s = task.fields["at_s"]
        return Text(time_left(task.completed, task.total or 0.0, at_s, (task.elapsed or 0.0) - at_s))


def time_left(done: float, total: float, took_s: float, since_s: float = 0.0) -> str:
    """How long the rest takes if it goes on as it did: "3 min 20 s left"; empty as long as nothing is done.

    The last one ended `took_s` after the beginning, and `since_s` ago.
    """
    if done <= 0:
        return ""
    left = round(max(took_s * (total - done) / done - since_s, 0.0))
    hours, minutes, seconds = left // 3600, left // 60 % 60, left % 60
    if hours:
        return f"{hours} h {minutes} min left"
    return f"{minutes} min {seconds} s left" if minutes else f"{seconds} s left"
