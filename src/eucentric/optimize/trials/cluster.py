"""Worker processes that share out jobs: a Dask cluster of this machine's own, or one that is there already."""

from __future__ import annotations

import asyncio
import logging
import os
import pydoc
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any, Final

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.comm.core import connect
from distributed.utils import silence_logging_cmgr

import eucentric
from eucentric.errors import InputError

PATIENCE_S: Final = 10
"""A cluster that is there answers, and has workers, within this time."""
_START_S = 60  # new processes on a busy machine
_HERE = "127.0.0.1"
_SILENT = logging.CRITICAL + 1
_AT_ONCE = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way only
_INTERRUPTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
# Numerics of one job stay on one core: there are as many jobs at a time as cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), 1)
# A job is not paused for want of memory: it would never end. The system ends a process that takes too much of it, and
# its job is done again.
_SETTINGS: Final[dict[str, Any]] = {
    "distributed.nanny.pre-spawn-environ": _ONE_THREAD,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # Each process serves pages of its own, on some port: these are empty.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is open: `client` speaks with it; `name` tells people which it is."""

    client: Client
    name: str

    def threads(self) -> int:
        """How many jobs it does at a time, now. Raises OSError when it has gone away."""
        return sum(self.client.nthreads().values())


@contextmanager
def cluster(scheduler: str | None = None, *, workers: int | None = None) -> Iterator[Cluster]:
    """A cluster for the time of the block: the one whose scheduler has that address, else one of this machine's own.

    The own one has `workers` processes (default: one for each core) that listen on 127.0.0.1 alone, do not hear Ctrl-C
    and are gone when the block ends, whatever they were doing. Closing it does not hear Ctrl-C, either. Raises
    InputError for an address that can't be used.
    """
    with (
        silence_logging_cmgr(_SILENT),
        tempfile.TemporaryDirectory(prefix="eucentric-", ignore_cleanup_errors=True) as folder,
        dask.config.set({**_SETTINGS, "temporary-directory": folder}),
        _environment_kept(),
    ):
        opened = ExitStack()
        try:
            own = CPU_COUNT if workers is None else workers
            yield opened.enter_context(_own(own) if scheduler is None else _existing(scheduler))
        finally:
            with _deaf():
                opened.close()


@contextmanager
def _own(workers: int) -> Iterator[Cluster]:
    made: LocalCluster | None = None
    try:
        with _unheard():
            made = _made()
        with Client(made, set_as_default=False) as client:
            try:
                made.scale(workers)
                _wait_for(client, workers)
                yield Cluster(client, f"{workers} process{'es' if workers > 1 else ''} of this machine")
            finally:
                made.sync(_end_workers, made)
    finally:
        if made is not None:
            made.close()


def _made() -> LocalCluster:
    """A cluster without workers yet, which speaks with this machine alone."""
    return LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        host=_HERE,
        dashboard_address=f"{_HERE}:0",
        scheduler_kwargs={"dashboard": False},
        memory_limit=None,
        silence_logs=_SILENT,
    )


def _wait_for(client: Client, workers: int) -> None:
    try:
        client.wait_for_workers(workers, timeout=_START_S)
    except TimeoutError as error:
        raise InputError(
            f"{workers} worker processes did not start within {_START_S} s. Is there memory for so many?"
        ) from error


async def _end_workers(made: LocalCluster) -> None:
    """End the worker processes at once: nothing that they still do is wanted."""
    for nanny in made.workers.values():
        nanny.close_gracefully()  # it begins no other
        if nanny.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(nanny.pid, _AT_ONCE)
    await asyncio.gather(*(nanny.close(timeout=1) for nanny in made.workers.values()), return_exceptions=True)


@contextmanager
def _existing(address: str) -> Iterator[Cluster]:
    try:
        asyncio.run(_answers(address))
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except Exception as error:  # of any kind: what a web server answers is read as the length of a message, too large
        raise InputError(
            f"No Dask scheduler answers at {address} within {PATIENCE_S} s. Give the address as `dask scheduler` tells "
            "it, for example tcp://HOST:8786 (the page that shows it in a browser has another port)."
        ) from error
    with client:
        _check_workers(client, address)
        yield Cluster(client, f"the cluster at {address}")


async def _answers(address: str) -> None:
    """Raise what comes of speaking with it. A client that finds nobody is not easily rid of."""
    async with asyncio.timeout(PATIENCE_S):
        with_it = await connect(address, timeout=PATIENCE_S)
        await with_it.close()


def _check_workers(client: Client, address: str) -> None:
    """Raise InputError where there are no workers, or one lacks this program."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError as error:
        raise InputError(
            f"The scheduler at {address} has no workers. Start some where eucentric is installed: "
            f"dask worker {address} --nthreads 1 --nworkers -1"
        ) from error
    # A function of Python's own, so that it runs where eucentric is not.
    versions = client.run(pydoc.locate, "eucentric.__version__")
    for worker, version in sorted(versions.items()):
        if version != eucentric.__version__:
            has = "has no eucentric" if version is None else f"has eucentric {version}"
            raise InputError(
                f"The worker {worker} of {address} {has}, and {eucentric.__version__} is needed: install the same "
                "there, and start it again."
            )


@contextmanager
def _unheard() -> Iterator[None]:
    """Threads that begin in here, and processes that they begin, do not hear Ctrl-C: it is for the main thread alone.

    A terminal sends it to every process that it shows.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # beginning it in a thread would let Ctrl-C through to that thread
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C, and what else interrupts, does nothing while a cluster is closed, some seconds: a second one would cost
    what the first kept.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _INTERRUPTS}
    before = {number: handler for number, handler in before.items() if handler is not None}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """What workers are started with is set in this process, too: it is taken back."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
