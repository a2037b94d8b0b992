"""Issue claim 3: a session is killed (`SIGKILL`) at random moments and taken up again until it is complete.

What was really done is read from the instrument's own log: it lives in a process of its own (apart.py), and stays as
the killed left it. Moments are a call of the instrument and up to a tenth of a second after it; some are aimed between
an exposure and its being kept.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.apart import CONTEXT, Apart, Kill
from benchmarks.claims import Claim, judged, shown
from benchmarks.killed import HEIGHT_M, Confirmed, Seen, Story, application, at, confirmed, drive, judge
from benchmarks.seeds import Seed, stream
from eucentric.msi.application import Kind
from eucentric.msi.units import units

SINGLE, AIMED, CHAIN, RESUMING = 5, 5, 7, 2  # 20 kills in all: one goes before those that strike while resuming
SIZE = 256
_MAGNITUDES = {"specimen": {"height_m": HEIGHT_M}}
_RESUMING_CALLS = 40
_LATE_S, _AIMED_S = 0.1, 0.02
_LONGEST_S = 900.0  # a process that hangs must not hang the others; a loaded computer is slow
_GROUP = "killed"


def nothing(_folder: Path) -> None:
    """Between two processes nothing happens."""


def story(name: str, kills: Sequence[Kill], *, seed: int, between: Callable[[Path], None] = nothing) -> Story:
    """One session: each process is killed at its moment, the last one is not."""
    with TemporaryDirectory() as root, Apart(seed=seed, size=SIZE, magnitudes=_MAGNITUDES) as apart:
        folder, before = Path(root) / "session", apart.state()
        told: list[Confirmed] = []
        clients: list[int] = []
        killed = 0
        for kill in (*kills, None):
            apart.arm(kill)
            process = CONTEXT.Process(target=drive, args=(apart.door, folder))
            process.start()
            process.join(_LONGEST_S)
            if process.is_alive():
                process.kill()
                process.join()
                raise TimeoutError(f"{name}: a session did not end within {_LONGEST_S:.0f} s.")
            clients.append(process.pid or 0)
            told.append(confirmed(folder, len(told)))
            if process.exitcode != -signal.SIGKILL:
                break
            killed += 1
            between(folder)
        other = _said(folder)
        if process.exitcode not in (0, 2):
            other = (*other, f"a process ended with {process.exitcode}")
        return judge(name, killed, Seen(folder, before, apart.state(), apart.calls(), clients, told), other)


def torn(folder: Path) -> None:
    """The last line once more, and only half of it: what a crash leaves of a note."""
    lines = folder / "journal.jsonl"
    last = lines.read_bytes().splitlines()[-1]
    with lines.open("ab") as file:
        file.write(last[: len(last) // 2])


def two_at_once(seed: int) -> Story:
    """While one process works, another one wants to go on with the same session."""
    with TemporaryDirectory() as root, Apart(seed=seed, size=SIZE, magnitudes=_MAGNITUDES) as apart:
        folder, before = Path(root) / "session", apart.state()
        first, second = (CONTEXT.Process(target=drive, args=(apart.door, folder)) for _ in range(2))
        first.start()
        while not confirmed(folder, 0).outcomes and first.is_alive():
            first.join(0.1)
        second.start()
        second.join(_LONGEST_S)
        alive = first.is_alive()
        first.join(_LONGEST_S)
        clients = [first.pid or 0, second.pid or 0]
        said = _said(folder)
        other = () if "Another process" in " ".join(said) else (f"the second one was not refused: {said}",)
        if not alive:
            other = (*other, "the first one had ended before")
        if (first.exitcode, second.exitcode) != (0, 2):
            other = (*other, f"they ended with {first.exitcode} and {second.exitcode}")
        if any(c.client == second.pid for c in apart.calls()):
            other = (*other, "the second one touched the instrument")
        told = [confirmed(folder, 0)]
        return judge("two at once", 0, Seen(folder, before, apart.state(), apart.calls(), clients, told), other)


def _said(folder: Path) -> tuple[str, ...]:
    said = folder.with_name("said.txt")
    return (said.read_text(encoding="utf-8"),) if said.exists() else ()


def stories(*, quick: bool) -> Iterator[Story]:
    """An undisturbed session, then all with their kills."""
    seed, rng = int(Seed.KILLS), stream(Seed.KILLS)
    whole = story("undisturbed", (), seed=seed)
    yield whole
    last = max(c.number for c in whole.calls)
    kept = {u.key: u for u in units(application()) if application().node(u.node).kind is Kind.ACQUIRE}
    exposed = [c for c in whole.calls if c.name == "acquire"]
    aims = [c.number for u in kept.values() for c in at(u, application(), exposed)]
    single, aimed, chain = (2, 1, 3) if quick else (SINGLE, AIMED, CHAIN)
    for number in range(single):
        call = int(last * (number + rng.uniform()) / single)
        yield story(f"at call {call} of {last}", (Kill(call, rng.uniform(0, _LATE_S)),), seed=seed)
    for call in rng.choice(aims, aimed, replace=False):
        kill = Kill(int(call), rng.uniform(0, _AIMED_S))
        yield story(f"{kill.seconds * 1e3:.0f} ms after exposure {call}", (kill,), seed=seed)
    yield story(f"{chain} in one session", [_drawn(rng, 2 * last / (chain + 1)) for _ in range(chain)], seed=seed)
    resuming = [_drawn(rng, last), *(Kill(int(rng.integers(1, _RESUMING_CALLS))) for _ in range(RESUMING))]
    yield story("while resuming", resuming, seed=seed)
    yield story("a torn line", [_drawn(rng, last)], seed=seed, between=torn)
    yield two_at_once(seed)


def _drawn(rng: np.random.Generator, below: float) -> Kill:
    return Kill(int(rng.uniform(0.05, 1) * below), rng.uniform(0, _LATE_S))


def claims_of(told: list[Story]) -> Iterator[Claim]:
    """The lines of the table."""
    kills = sum(s.kills for s in told)
    for what, wrong in (
        ("targets exposed twice", [f"{s.name}: {w}" for s in told for w in s.twice]),
        ("units done again after they were done", [f"{s.name}: {w}" for s in told for w in s.again]),
        (
            "outcomes or images that were confirmed and are lost or changed",
            [f"{s.name}: {w}" for s in told for w in s.lost],
        ),
        ("units that never ended", [f"{s.name}: {w}" for s in told for w in s.unended]),
        ("states left changed at the end", [f"{s.name}: {w}" for s in told for w in s.left]),
        (
            "exposures after a resume that are more than 4 stated σ from the intended defocus",
            [f"{s.name}: {w}" for s in told for w in s.defocused],
        ),
        ("limits passed", [f"{s.name}: {w}" for s in told for w in s.beyond]),
        ("anything else", [f"{s.name}: {w}" for s in told for w in s.other]),
    ):
        yield judged(
            _GROUP,
            f"{kills} kills in {len(told)} sessions: {what}",
            "0",
            f"{len(wrong)}",
            not wrong,
            "; ".join(wrong)[:400],
        )
    pulls = [abs(p) for s in told for p in s.pulls]
    within = "none" if not pulls else f"{np.mean([p < 1 for p in pulls]):.0%}, {np.mean([p < 3 for p in pulls]):.0%}"
    yield shown(_GROUP, f"the {len(pulls)} exposures after a resume: within 1 and 3 stated σ of the intended", within)
    lost = [f"{s.name}: {w}" for s in told for w in s.interrupted]
    yield shown(
        _GROUP,
        "exposures that a kill cost (exposed, not kept, not exposed again)",
        f"{len(lost)}",
        "; ".join(lost)[:300],
    )


def run(*, quick: bool, log: bool = False) -> Iterator[Claim]:
    """Claim 3."""
    told = []
    for one in stories(quick=quick):
        told.append(one)
        if log:
            print(f"{one.name}: {one.kills} kills, wrong: {one.wrong}, interrupted: {one.interrupted}", flush=True)
    yield from claims_of(told)
