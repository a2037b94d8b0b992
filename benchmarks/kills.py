"""Issue claim 3: a session is killed (`SIGKILL`) at random moments and taken up again until it is complete.

What is killed is the command `eucentric run`, from opening to report. What was really done is read from the
instrument's own log: it lives in a process of its own (apart.py), and stays as the killed left it. Moments are a call
of the instrument and up to a tenth of a second after it, any time of the clock on the wall, and some that are aimed:
between an exposure and its being kept, and among the last calls, where all targets are done and the instrument is put
back.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.apart import CONTEXT, Apart, Kill
from benchmarks.claims import Claim
from benchmarks.driven import COMPLETE, UNUSABLE, drive, said
from benchmarks.killed import HEIGHT_M, SMALL, Confirmed, Seen, Story, application, confirmed, judge
from benchmarks.killed_targets import TILTED, targets
from benchmarks.kills_rows import claims_of
from benchmarks.seeds import Seed, stream
from eucentric.cli.session_done import complete
from eucentric.errors import InputError
from eucentric.msi.journal import Journal

CONTEXT.set_forkserver_preload(["benchmarks.apart", "benchmarks.driven"])


@dataclass(frozen=True, slots=True)
class Plan:
    """How many kills of each sort: one to a session, but those of `chain`, `resuming` and `tilted`."""

    at_calls: int = 3
    at_times: int = 4
    aimed: int = 4
    at_the_end: int = 2
    chain: int = 6
    resuming: int = 3
    tilted: int = 3
    torn: int = 1

    @property
    def kills(self) -> int:
        """All."""
        return sum(getattr(self, name) for name in self.__dataclass_fields__)


FULL, QUICK = Plan(), Plan(at_calls=1, at_times=1, aimed=1, at_the_end=1, chain=2, resuming=2, tilted=2, torn=1)
LEAST = 20
SIZE = 256
_MAGNITUDES = {"specimen": {"height_m": HEIGHT_M}}
_RESUMING_CALLS = 40
_LATE_S, _AIMED_S = 0.1, 0.02
_LONGEST_S = 900.0  # a process that hangs must not hang the others; a loaded computer is slow
_AGAIN = 2  # so often a command that says it is not complete is given once more


def nothing(_folder: Path) -> None:
    """Between two processes nothing happens."""


class _Commands:
    """The processes of one session, and what was seen of them."""

    def __init__(self, name: str, apart: Apart, folder: Path, text: str) -> None:
        self._name, self._apart, self._folder, self._text = name, apart, folder, text
        self._before = apart.state()
        self.told: list[Confirmed] = []
        self.clients: list[int] = []
        self.killed = 0

    def run(self, kill: Kill | None) -> int:
        """One process to its end; its exit code."""
        self._apart.arm(kill)
        process = CONTEXT.Process(target=drive, args=(self._apart.door, self._folder, self._text))
        process.start()
        process.join(_LONGEST_S)
        if process.is_alive():
            process.kill()
            process.join()
            raise TimeoutError(f"{self._name}: a session did not end within {_LONGEST_S:.0f} s.")
        self.clients.append(process.pid or 0)
        self.told.append(confirmed(self._folder, len(self.told)))
        self.killed += process.exitcode == -signal.SIGKILL
        return process.exitcode or 0

    def words(self) -> str:
        """The last that the last process said."""
        file = said(self._folder, self.clients[-1])
        return " ".join(file.read_text(encoding="utf-8").split())[-300:] if file.exists() else ""

    def judged(self, other: tuple[str, ...]) -> Story:
        """What to think of it."""
        seen = Seen(
            self._folder,
            self._before,
            self._apart.state(),
            self._apart.calls(),
            self.clients,
            self.told,
            application(self._text),
            self.killed,
        )
        return judge(self._name, seen, other)


def story(
    name: str, kills: Sequence[Kill], *, seed: int, between: Callable[[Path], None] = nothing, text: str = SMALL
) -> Story:
    """One session: each command is killed at its moment, the last one is not; then it is complete, and is told again
    without anything being done.
    """
    with TemporaryDirectory() as root, Apart(seed=seed, size=SIZE, magnitudes=_MAGNITUDES) as apart:
        commands, folder = _Commands(name, apart, Path(root) / "session", text), Path(root) / "session"
        code = 0
        for kill in (*kills, *[None] * (1 + _AGAIN)):
            code = commands.run(kill)
            if code in {*COMPLETE, UNUSABLE}:
                break
            between(folder)
        other = () if code in COMPLETE else (f"a command ended with {code}: {commands.words()}",)
        other = (*other, *_not_complete(folder))
        done = len(apart.calls())
        code = commands.run(None)
        if code not in COMPLETE or len(apart.calls()) != done:
            other = (*other, f"complete, and given once more: {len(apart.calls()) - done} calls, exit code {code}")
        return commands.judged(other)


def _not_complete(folder: Path) -> tuple[str, ...]:
    """Why a command would not call it complete; the instrument as it is to be left is a part of that."""
    try:
        with Journal.open(folder) as journal:
            if complete(journal):
                return ()
            restored = "restored" if journal.noted.restored else "not restored"
            return (f"not complete: {len(journal.noted.outcomes)} units ended, the instrument {restored}",)
    except InputError as error:
        return (str(error),)


def torn(folder: Path) -> None:
    """The last line once more, and only half of it: what a crash leaves of a note."""
    lines = folder / "journal.jsonl"
    last = lines.read_bytes().splitlines()[-1]
    with lines.open("ab") as file:
        file.write(last[: len(last) // 2])


def two_at_once(seed: int) -> Story:
    """While one command works, another one wants to go on with the same session."""
    with TemporaryDirectory() as root, Apart(seed=seed, size=SIZE, magnitudes=_MAGNITUDES) as apart:
        folder = Path(root) / "session"
        commands = _Commands("two at once", apart, folder, SMALL)
        first, second = (CONTEXT.Process(target=drive, args=(apart.door, folder, SMALL)) for _ in range(2))
        first.start()
        while not confirmed(folder, 0).outcomes and first.is_alive():
            first.join(0.1)
        second.start()
        second.join(_LONGEST_S)
        alive = first.is_alive()
        first.join(_LONGEST_S)
        commands.clients = [first.pid or 0, second.pid or 0]
        commands.told = [confirmed(folder, 0)]
        words = commands.words()
        other = () if "Another process" in words else (f"the second one was not refused: {words}",)
        if not alive:
            other = (*other, "the first one had ended before")
        if first.exitcode not in COMPLETE or second.exitcode != UNUSABLE:
            other = (*other, f"they ended with {first.exitcode} and {second.exitcode}")
        if any(c.client == second.pid for c in apart.calls()):
            other = (*other, "the second one touched the instrument")
        return commands.judged((*other, *_not_complete(folder)))


def _exposures(whole: Story, text: str) -> list[int]:
    """The numbers of the calls that exposed what is kept."""
    exposed = [c for c in whole.calls if c.name == "acquire"]
    return sorted(c.number for t in targets(application(text)) for c in t.exposed(exposed))


def stories(*, quick: bool) -> Iterator[Story]:
    """An undisturbed session, then all with their kills."""
    seed, rng, plan = int(Seed.KILLS), stream(Seed.KILLS), QUICK if quick else FULL
    begun_s = time.monotonic()
    whole = story("undisturbed", (), seed=seed)
    yield whole
    took_s = (time.monotonic() - begun_s) / 2  # it was given twice
    last, aims = max(c.number for c in whole.calls), _exposures(whole, SMALL)
    for number in range(plan.at_calls):
        call = int(last * (number + rng.uniform()) / plan.at_calls)
        yield story(f"at call {call} of {last}", (Kill(call, rng.uniform(0, _LATE_S)),), seed=seed)
    for number in range(plan.at_times):
        seconds = took_s * (number + rng.uniform()) / plan.at_times
        yield story(f"{seconds:.2f} s after its first word", (Kill(0, seconds),), seed=seed)
    for call in rng.choice(aims, plan.aimed, replace=False):
        kill = Kill(int(call), rng.uniform(0, _AIMED_S))
        yield story(f"{kill.seconds * 1e3:.0f} ms after exposure {call}", (kill,), seed=seed)
    for number in range(plan.at_the_end):
        kill = Kill(last, rng.uniform(0, _AIMED_S)) if number else Kill(int(rng.integers(max(aims) + 1, last)))
        yield story(f"at call {kill.call} of {last}, after the last exposure", (kill,), seed=seed)
    chain = [_drawn(rng, 2 * last / (plan.chain + 1)) for _ in range(plan.chain)]
    yield story(f"{plan.chain} in one session", chain, seed=seed)
    resuming = [_drawn(rng, last), *(Kill(int(rng.integers(1, _RESUMING_CALLS))) for _ in range(plan.resuming - 1))]
    yield story("while resuming", resuming, seed=seed)
    yield story("a torn line", [_drawn(rng, last)], seed=seed, between=torn)
    yield from _tilted(seed, rng, plan.tilted)
    yield two_at_once(seed)


def _tilted(seed: int, rng: np.random.Generator, kills: int) -> Iterator[Story]:
    """A tilt series, undisturbed; then killed where it is exposed, at a call, and at a time."""
    whole = story("a tilt series, undisturbed", (), seed=seed, text=TILTED)
    yield whole
    aims = _exposures(whole, TILTED)[2:]  # from the second tilt on
    first = Kill(int(rng.choice(aims[: len(aims) // 2])), rng.uniform(0, _AIMED_S))
    more = [Kill(int(rng.uniform(100, max(aims) - first.call)), rng.uniform(0, _LATE_S)), Kill(0, rng.uniform(1, 4))]
    yield story(f"a tilt series, {kills} kills", [first, *more[: kills - 1]], seed=seed, text=TILTED)


def _drawn(rng: np.random.Generator, below: float) -> Kill:
    return Kill(int(rng.uniform(0.05, 1) * below), rng.uniform(0, _LATE_S))


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claim 3."""
    told = []
    for one in stories(quick=quick):
        told.append(one)
        if log:
            lost = f"interrupted: {one.interrupted}, not begun again: {one.unmade}"
            print(f"{one.name}: {one.kills} kills, wrong: {one.wrong}, {lost}", flush=True)
    yield from claims_of(told, least=None if quick else LEAST)
