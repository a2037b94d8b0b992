"""The operator's marks: by number on the command line, or asked for pair by pair at the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.cli.manual import Terminal
from eucentric.errors import InputError
from eucentric.units import show_chance, show_length

if TYPE_CHECKING:
    from rich.console import Console

    from eucentric.cli.tune_gather import Gathered
    from eucentric.optimize.tuning.repeats import Mark, Marking, Repeat

IMAGE = Path("runs", "pair.png")


def numbers(text: str, option: str, count: int) -> tuple[int, ...]:
    """The numbers in "3,7" or "3 7-9". Raises InputError for what is none of 1 to `count`."""
    found: list[int] = []
    for part in re.split(r"[,\s]+", text.strip()):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match is None:
            raise InputError(f"{option} {text}: '{part}' is no number of a repeat. Write for example: {option} 3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            raise InputError(f"{option} {text}: there is no repeat {part}. They are numbered from 1 to {count}.")
        found += range(first, last + 1)
    return tuple(found)


def marks_given(good: str | None, bad: str | None, count: int) -> dict[int, Mark]:
    """The marks on the command line. Raises InputError."""
    from eucentric.optimize.tuning.repeats import Mark

    both = {Mark.GOOD: ("--good", good), Mark.BAD: ("--bad", bad)}
    given = {mark: numbers(text, option, count) for mark, (option, text) in both.items() if text is not None}
    twice = set(given.get(Mark.GOOD, ())) & set(given.get(Mark.BAD, ()))
    if twice:
        raise InputError(f"Repeat {min(twice)} is in --good and in --bad. Leave it out of one.")
    return {number: mark for mark, some in given.items() for number in some}


@dataclass(frozen=True, slots=True)
class Asked:
    """How marks are given: asked for at the terminal, or by number."""

    ask: bool
    good: str | None
    bad: str | None

    def check(self, count: int) -> None:
        """Raise InputError for numbers that can't be those of so many repeats."""
        marks_given(self.good, self.bad, count)

    def marks(self, gathered: Gathered, console: Console) -> dict[int, Mark]:
        """The operator's marks by repeat number; those on the command line come first."""
        from eucentric.optimize.tuning.repeats import opinions

        given = marks_given(self.good, self.bad, len(gathered.repeats))
        if not self.ask:
            return given

        def say(text: str) -> None:
            console.print(text, markup=False, highlight=False, soft_wrap=True)

        def ask(prompt: str) -> str:
            return input(prompt)

        asked = Asking(Terminal(say, ask), IMAGE, gathered.picture).ask(gathered, opinions(gathered.repeats))
        return {**asked, **given}


class Asking:
    """Shows each pair as a picture in a file with its numbers, and asks for a mark."""

    def __init__(self, terminal: Terminal, image: Path, draw: Callable[[int, Path], None]) -> None:
        self._terminal = terminal
        self._image = image
        self._draw = draw

    def ask(self, gathered: Gathered, opinions: Mapping[int, Marking]) -> dict[int, Mark]:
        """The operator's marks. Enter takes the opinion; Ctrl-C or the end of the input does for all that are left."""
        from eucentric.optimize.tuning.repeats import Mark

        letters = {mark.value[0]: mark for mark in Mark}
        say, given = self._terminal.say, dict[int, Mark]()
        say(f"The pair that is asked about is in {self._image}, with its correlation. {_KEYS}")
        for one in gathered.repeats:
            try:
                mark = self._mark(one, opinions[one.number], letters)
            except EOFError:
                say("There was no answer: the rest is marked as the verdict and the other repeats say.")
                return given
            except KeyboardInterrupt:
                say(f"\nAsking is stopped. {_KEPT.format(len(given))}")
                return given
            if mark is not None:
                given[one.number] = mark
        return given

    def _mark(self, one: Repeat, opinion: Marking, letters: Mapping[str, Mark]) -> Mark | None:
        """The mark of one pair; None: the opinion. Raises EOFError, KeyboardInterrupt."""
        say = self._terminal.say
        try:
            self._draw(one.number, self._image)
        except InputError as error:
            say(str(error))
        say(_numbers(one))
        while answer := self._terminal.ask(f"  {one.number} (Enter: {opinion.mark}, says {opinion.by}) > ").strip():
            mark = letters.get(answer[0].lower())
            if mark is not None:
                return mark
            say(f"  '{answer}' is no mark. {_KEYS}")
        return None


_KEPT = (
    "The {} marks you gave are kept, the rest is marked as the verdict and the other repeats say. Press Ctrl-C once "
    "more to end without limits."
)
_KEYS = "g good, b bad, s skip (learn nothing from it), Enter as proposed."


def _numbers(one: Repeat) -> str:
    """A repeat in numbers."""
    result = one.result
    measured, shift = result.measurement, result.shift
    misfit = "" if result.misfit_px2 is None else f", {result.misfit_px2:.3g} px²"
    found = "nothing found" if result.nothing_found else f"C1 {show_length(measured.c1_m, 4)}"
    verdict = "accepted" if result.accepted else f"refused: {result.verdict.sentence}"
    return (
        f"{one.number}: {found}, misfit χ² {measured.chi2:.3g} at {measured.dof}{misfit}, chance "
        f"{show_chance(shift.false_lock_probability)}, lit {min(shift.lit):.0%}; {verdict}"
    )
