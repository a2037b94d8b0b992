"""The operator at the terminal: who focuses by hand at a Manual step, with live images in a file that a viewer shows.

+ −        one step of the lens to over- or underfocus (++ two); f 0.2 um: how long a step is
d −1 um    the lens by so much (d alone is done)
z+ z−      one step of the stage up or down;                      z 2 um: how long a step is
Enter      a new image
d s a ?    done, skip, abort, help
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eucentric.cli.asked import asked
from eucentric.errors import InputError, LimitError
from eucentric.units import parse, show_length

if TYPE_CHECKING:
    from eucentric.cli.live import Live
    from eucentric.cli.page import Page
    from eucentric.focus.methods.manual import Desk, Reply
    from eucentric.images.frame import Frame

IMAGE = "live.png"
_STEPS_M = {"f": 0.5e-6, "z": 1e-6}
_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles that become black and white


@dataclass(slots=True)
class Terminal:
    """How the operator is spoken to: `say` prints a line, `ask` prints a prompt and reads one (EOFError: gone)."""

    say: Callable[[str], None]
    ask: Callable[[str], str] = input


class TerminalOperator:
    """Asks what to do, does it at the desk, and keeps the newest image in `folder`/live.png."""

    def __init__(self, terminal: Terminal, folder: Path) -> None:
        self._terminal = terminal
        self._image = folder / IMAGE
        self._steps_m = dict(_STEPS_M)

    def focus(self, desk: Desk) -> Reply:
        """Work until the operator is done; without answers (end of input) the step is skipped."""
        from eucentric.focus.methods.manual import Answer, Reply

        self._terminal.say(f"  by hand at preset {desk.preset}: the newest image is in {self._image}")
        self._terminal.say(_HELP)
        self._look(desk)
        while True:
            try:
                line = self._terminal.ask(self._prompt(desk)).strip().replace("−", "-")
            except EOFError:
                return Reply(Answer.SKIP, "There was no answer.")
            word, _, why = line.partition(" ")
            answer = next((a for a in Answer if word.lower() in {a.value, a.value[0]}), None)
            if answer is not None and not _way(line):
                return Reply(answer, why.strip())
            try:
                self._do(desk, line)
            except (InputError, LimitError) as error:
                self._terminal.say(f"  {error}")

    def _prompt(self, desk: Desk) -> str:
        at = f"lens {show_length(desk.defocus_m)}, Z {show_length(desk.z_m)}"
        steps = f"steps {show_length(self._steps_m['f'], 2)}, {show_length(self._steps_m['z'], 2)}"
        return f"  {at} ({steps}) > "

    def _do(self, desk: Desk, line: str) -> None:
        """One line: a move, a new length of step, an image, or help."""
        if line == "?":
            self._terminal.say(_HELP)
        elif not line:
            self._look(desk)
        elif set(line) in ({"+"}, {"-"}):
            desk.step_defocus(_signed(line) * self._steps_m["f"])
            self._look(desk)
        elif way := _way(line):
            desk.step_defocus(_length_m(way))
            self._look(desk)
        elif line[0] == "z" and set(line[1:]) in ({"+"}, {"-"}):
            desk.step_z(_signed(line[1:]) * self._steps_m["z"])
            self._look(desk)
        elif line[0] in self._steps_m and line[1:].strip()[:1] in set("0123456789.-"):
            self._steps_m[line[0]] = _step_m(line[1:].strip())
        else:
            raise InputError(f"'{line}' is nothing that can be done here. Type ? for what can.")

    def _look(self, desk: Desk) -> None:
        try:
            frame = desk.image()
        except LimitError as error:  # the budget of electrons is spent: moving goes on, blind
            self._terminal.say(f"  {error}")
            return
        try:
            write_picture(frame, self._image)
        except OSError as error:
            self._terminal.say(f"  The image can't be written to {self._image}: {error.strerror}.")


_HELP = """\
  + or -    one step of the lens to over- or underfocus     f 0.2 um   its length
  d -1 um   the lens by so much
  z+ or z-  one step of the stage up or down                z 2 um     its length
  Enter     a new image     d  done     s  skip     a  abort     ?  help"""


def operator_at(live: Live, folder: Path, page: Page) -> TerminalOperator | None:
    """Whoever sits at the terminal, until the `page` aborts; None when the input or the output is not one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None

    def ask(prompt: str) -> str:
        with live.quiet():
            return asked(prompt, page)

    return TerminalOperator(Terminal(live.say, ask), folder)


def _signed(signs: str) -> int:
    """+++ is 3, -- is −2."""
    return len(signs) if signs[0] == "+" else -len(signs)


def _way(line: str) -> str:
    """`d -1 um`: what is behind a d, where that is a number; no word of why it is done begins like one."""
    word, way = line[:1].lower(), line[1:].strip()
    return way if word == "d" and re.match(r"[-+]?[0-9.]", way) else ""


def _step_m(text: str) -> float:
    """The length of a step."""
    length_m = _length_m(text)
    if length_m <= 0:
        raise InputError(f"A step of {text} leads nowhere. Write for example: f 0.2 um")
    return length_m


def _length_m(text: str) -> float:
    """A length with its sign; a bare number is in µm."""
    bare = re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*", text) is not None
    return parse(f"{text} um" if bare else text, "m")


def write_picture(frame: Frame, path: Path) -> None:
    """The image as an 8-bit PNG, its contrast stretched; replaced in one go, so that a viewer never sees half of it."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(frame.pixels, np.float32)
    low, high = (float(v) for v in np.percentile(pixels, (_DARKEST, _BRIGHTEST)))
    grey = np.clip((pixels - low) * (255 / max(high - low, 1e-30)), 0, 255)
    unfinished = path.with_suffix(".part")
    Image.fromarray(grey.astype(np.uint8)).save(unfinished, format="PNG")
    os.replace(unfinished, path)
