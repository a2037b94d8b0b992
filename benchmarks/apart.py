"""A simulated microscope in a process of its own: it outlives whoever drives it, and stays as it was left.

with Apart(seed=3, size=256) as apart:
    process = CONTEXT.Process(target=drive, args=(apart.door,))   # there: microscope = connected(door)
    apart.arm(Kill(call=100))
    …
    apart.calls(), apart.state(), apart.truth()
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, Self, cast

from benchmarks.calls import Call, Recorded, State, state_of
from eucentric.microscope.protocol import Microscope
from eucentric.microscope.registry import open_microscope
from eucentric.microscope.simulated.truth import Truth, truth

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["benchmarks.apart"])  # what is imported once is not waited for after each kill
_IDENTITY = ("name", "capabilities", "limits", "voltage_v", "handed_out")
"""What is an attribute there, not a call."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the microscope answers, and the word that opens."""

    address: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Kill:
    """When the next client is killed: `seconds` of the wall clock after its call of this number was carried out.

    Call 0 is its first word; with 0 seconds it is killed before it is answered. With a name, calls of that name count.
    """

    call: int = 0
    seconds: float = 0.0
    name: str = ""


class _ServedClient:
    """One process that drives the instrument; it may be killed by `SIGKILL`."""

    def __init__(self, pid: int, kill: Kill | None) -> None:
        self.pid, self.calls, self._counted = pid, 0, 0
        self._kill, self._gone, self._lock = kill, False, threading.Lock()

    def called(self, name: str = "") -> None:
        """Count a call that was carried out, and kill where it is time."""
        self.calls += 1
        kill = self._kill
        if kill is None or kill.name not in {"", name}:
            return
        self._counted += 1
        if self._counted - (not kill.name) != kill.call:
            return
        if kill.seconds == 0:
            self._strike()
        else:
            timer = threading.Timer(kill.seconds, self._strike)
            timer.daemon = True
            timer.start()

    def gone(self) -> None:
        """It hung up: nobody of that number is killed any more."""
        with self._lock:
            self._gone = True

    def _strike(self) -> None:
        with self._lock:
            if not self._gone:
                os.kill(self.pid, signal.SIGKILL)


@dataclass
class _Served:
    """The instrument behind the door; one call at a time."""

    recorded: Recorded
    kill: Kill | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def talk(self, connection: Connection) -> None:
        """Answer one client until it hangs up, or is no more."""
        client = None
        with connection, suppress(EOFError, OSError):
            pid = connection.recv()
            client = _ServedClient(pid, self.kill if pid else None)
            if pid:
                self.kill = None
                client.called()
            while True:
                name, given, options = connection.recv()
                with self.lock:
                    answer = self.answer(client, name, given, options)
                if pid:
                    client.called(name)
                connection.send(answer)
        if client is not None:
            client.gone()

    def answer(self, client: _ServedClient, name: str, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """(whether it went well, what came back)."""
        try:
            if client.pid == 0:
                return True, getattr(self, f"tell_{name}")(*given)
            self.recorded.client, self.recorded.number = client.pid, client.calls
            found = getattr(self.recorded, name)
            return True, found if name in _IDENTITY else found(*given, **options)
        except Exception as error:
            return False, error

    def tell_arm(self, kill: Kill | None) -> None:
        self.kill = kill

    def tell_calls(self) -> tuple[Call, ...]:
        return tuple(self.recorded.calls)

    def tell_truth(self) -> Truth:
        return truth(self.recorded.inner)

    def tell_state(self) -> State:
        return state_of(self.recorded.inner)


def _serve(pipe: Connection, key: bytes, seed: int, options: dict[str, Any]) -> None:
    served = _Served(Recorded(open_microscope("simulated", seed=seed, **options)))
    with Listener(None, authkey=key, backlog=8) as listener:
        pipe.send(listener.address)
        pipe.close()
        while True:
            with suppress(EOFError, OSError):  # a client that is killed while it knocks
                connection = listener.accept()
                threading.Thread(target=served.talk, args=(connection,), daemon=True).start()


class Apart:
    """The hold on a simulated microscope that lives in a process of its own, until the end of the `with` block."""

    def __init__(self, *, seed: int = 0, **options: Any) -> None:
        key = secrets.token_bytes(32)
        here, there = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(there, key, seed, options), daemon=True)
        self._process.start()
        there.close()
        with here:
            self.door = Door(here.recv(), key)
        self._ask = _Line(self.door, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask.close()
        self._process.terminate()
        self._process.join()

    def arm(self, kill: Kill | None) -> None:
        """The next client that comes is killed so; None: it is not."""
        self._ask("arm", (kill,), {})

    def calls(self) -> tuple[Call, ...]:
        """Everything that moved, set or exposed."""
        return cast("tuple[Call, ...]", self._ask("calls", (), {}))

    def state(self) -> State:
        """What the instrument reads now."""
        return cast(State, self._ask("state", (), {}))

    def truth(self) -> Truth:
        """What is true now."""
        return cast(Truth, self._ask("truth", (), {}))


class _Line:
    """Question and answer, one at a time. The first word is the process that asks; 0: the holder."""

    def __init__(self, door: Door, pid: int) -> None:
        self._connection = Client(door.address, authkey=door.key)
        self._connection.send(pid)
        self._lock = threading.Lock()

    def __call__(self, name: str, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        with self._lock:
            self._connection.send((name, given, options))
            good, answer = self._connection.recv()
        if good:
            return answer
        raise answer

    def close(self) -> None:
        self._connection.close()


class _Proxy:
    """Passes every call on to the instrument behind the door."""

    def __init__(self, door: Door) -> None:
        self._line = _Line(door, os.getpid())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "inner":
            raise AttributeError(name)
        if name in _IDENTITY:
            return self._line(name, (), {})

        def call(*given: Any, **options: Any) -> Any:
            return self._line(name, given, options)

        return call


def connected(door: Door) -> Microscope:
    """The microscope behind the door, for this process."""
    return cast(Microscope, _Proxy(door))
