"""Jobs over worker processes: nothing is lost with a process, and nothing depends on how many there are."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil
import pytest
from distributed import LocalCluster

from eucentric.errors import InputError
from eucentric.optimize.trials import cluster as clusters
from eucentric.optimize.trials.cluster import Cluster, cluster
from eucentric.optimize.trials.spread import Ended, spread
from tests.optimize.trials.jobs import DEADLY, dies_at_three, endless_after_two, fails_at_three, process, work

ROOT = Path(__file__).resolve().parents[3]
GONE_S = 20  # a process that was told to end is gone within this time, also on a busy machine
WITHOUT = """
import sys
from pathlib import Path
sys.path[:] = [p for p in sys.path if not Path(p, "eucentric").is_dir()]
[sys.modules.pop(name) for name in list(sys.modules) if name.startswith("eucentric")]
"""


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    with cluster(workers=2) as on:
        yield on


def _program(*args: str, **how: int) -> subprocess.Popen[str]:
    """A Python of its own, which finds this program and its tests."""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path))}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *args], cwd=ROOT, env=paths, stdout=pipe, stderr=pipe, text=True, **how)


@contextmanager
def _scheduler() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real one, and its address."""
    where = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with _killed_after(_program("-m", "distributed.cli.dask_scheduler", *where)) as running:
        assert running.stderr is not None
        said = next(found for line in running.stderr if (found := re.search(r"Scheduler at: *(\S+)", line)))
        yield running, said.group(1)


@contextmanager
def _worker(address: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that nobody starts again."""
    how = ("--host", "127.0.0.1", "--no-dashboard", "--no-nanny", "--nthreads", "1")
    with _killed_after(_program("-m", "distributed.cli.dask_worker", address, *how, *more)) as running:
        yield running


@contextmanager
def _killed_after(running: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    with running:
        try:
            yield running
        finally:
            running.kill()


def test_a_killed_worker_loses_nothing():
    """One of two workers is killed while both are at work: the other does what it had."""
    jobs = range(24)
    with _scheduler() as (_, address), _worker(address) as first, _worker(address), cluster(address) as on:
        on.client.wait_for_workers(2)
        came = spread(work, jobs, on, tell=lambda one: first.kill() if one.place == 5 else None)
        assert on.threads() == 1
    assert [one.result for one in came.ended] == [work(n) for n in jobs]
    assert (came.asked, came.stopped) == (24, "")


def test_a_scheduler_that_goes_away_keeps_what_was_done():
    with _scheduler() as (scheduler, address), _worker(address), cluster(address) as on:
        came = spread(work, range(24), on, tell=lambda one: scheduler.kill() if one.place == 5 else None)
    assert 6 <= len(came.ended) < 24
    assert "has gone away" in came.stopped
    assert not came.by_user


def test_a_scheduler_without_workers_or_whose_workers_lack_the_program_is_said(monkeypatch):
    with _scheduler() as (_, address):
        monkeypatch.setattr(clusters, "PATIENCE_S", 1)
        with pytest.raises(InputError, match="has no workers"), cluster(address):
            pass
        monkeypatch.undo()
        with _worker(address, "--preload", WITHOUT), pytest.raises(InputError, match="no eucentric"), cluster(address):
            pass


def test_an_address_where_no_scheduler_answers_is_said(monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE_S", 1)
    with socket.socket() as mute:  # it takes the call, and says nothing
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        for address in ("nonsense", f"tcp://127.0.0.1:{mute.getsockname()[1]}"):
            with pytest.raises(InputError, match=f"No Dask scheduler answers at {address}"), cluster(address):
                pass


def test_the_same_for_one_worker_and_for_two(own):
    jobs = [*range(20)]
    two = spread(work, jobs, own)
    with cluster(workers=1) as on:
        assert spread(work, jobs, on) == two
    assert [(one.place, one.job, one.result) for one in two.ended] == [(n, n, work(n)) for n in jobs]
    assert spread(work, [], own).ended == ()


def test_a_job_that_fails_or_kills_its_worker_is_told_and_the_others_are_done(own):
    for broken, why in ((fails_at_three, "ValueError: three is too many"), (dies_at_three, "dies of it")):
        told: list[Ended[int, int]] = []
        came = spread(broken, range(12), own, tell=told.append)
        assert sorted(told, key=lambda one: one.place) == list(came.ended)
        assert [one.result for one in came.ended] == [None if n == DEADLY else n for n in range(12)]
        assert why in came.ended[DEADLY].why
        assert not came.stopped


def test_an_interruption_keeps_what_was_done(own):
    def interrupt(_: Ended[int, int]) -> None:
        raise KeyboardInterrupt

    came = spread(work, range(50), own, tell=interrupt)
    assert (len(came.ended), came.asked, came.by_user) == (1, 50, True)
    assert came.stopped

    class _Interrupted(Sequence[int]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, _: object) -> int:  # type: ignore[override]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spread(work, _Interrupted(), own)
    assert len(spread(process, range(5), own).ended) == 5  # the cluster is as it was


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_second_interruption_while_it_is_closed_does_not_cost_what_was_done(monkeypatch, name):
    number = getattr(signal, name)
    end, heard = clusters._end_workers, signal.getsignal(number)

    async def impatient(made: LocalCluster) -> None:
        os.kill(os.getpid(), number)
        await end(made)

    monkeypatch.setattr(clusters, "_end_workers", impatient)
    signal.signal(number, _raising)  # what a shell begins in the background ignores SIGINT
    try:
        with cluster(workers=1) as on:
            came = spread(process, range(3), on)
        assert signal.getsignal(number) is _raising
    finally:
        signal.signal(number, heard)
    assert len(came.ended) == 3


def _raising(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def test_workers_listen_on_this_machine_alone_and_are_gone_in_the_end_whatever_they_do():
    with cluster(workers=2) as on:
        pids = {one.result for one in spread(process, range(20), on).ended}
        listening = [
            one.laddr.ip
            for pid in (*pids, os.getpid())
            for one in psutil.Process(pid).net_connections(kind="inet")
            if one.status == psutil.CONN_LISTEN
        ]

        def interrupt(_: Ended[int, int]) -> None:
            raise KeyboardInterrupt

        spread(endless_after_two, range(6), on, tell=interrupt)
    assert len(pids) == 2
    assert set(listening) == {"127.0.0.1"}
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_a_terminal_s_interruption_ends_all_processes(by, tmp_path, monkeypatch):
    """It goes to the workers, too: they leave it to the program. One that is killed takes its workers along."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # who is killed leaves a folder
    with _program("-m", "tests.optimize.trials.interrupted", process_group=0) as running:
        assert running.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in running.stdout.readline().split()]
        assert running.stdout.readline() == "one\n"
        assert running.stdout.readline() == "one\n"
        if by is signal.SIGINT:
            os.killpg(running.pid, by)
        else:
            running.kill()
        out, err = running.communicate()
    if by is signal.SIGINT:
        assert (out, err, running.returncode) == ("Stopped: 2 of 6\n", "", 0)
        assert not list(tmp_path.iterdir())
    assert workers
    assert psutil.wait_procs(workers, timeout=GONE_S)[1] == []
