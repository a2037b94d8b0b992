"""Calls on the worker's thread: results, failures, time-outs, interrupts. Nothing here waits but for a time-out."""

from __future__ import annotations

import gc
import signal
import threading
import weakref

import pytest

from eucentric.errors import InputError, InstrumentError, TimedOutError
from eucentric.microscope.worker import Timeouts, Worker

# A call that hangs is given the short time; what answers has the longer ones, also on a busy machine.
SHORT_S, AFTER_HANG_S, LONG_S = 0.02, 1.0, 60.0


def worker() -> Worker:
    return Worker("Test scope", Timeouts(after_hang_s=AFTER_HANG_S))


def test_all_calls_share_one_thread() -> None:
    """And it is not the caller's."""
    scope = worker()
    threads = {scope.call("read", threading.get_ident, LONG_S) for _ in range(5)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


@pytest.mark.parametrize("error", [RuntimeError("cable"), TimeoutError(), OSError(5, "broken"), KeyError("x")])
@pytest.mark.parametrize("how", ["call", "direct"])
def test_what_an_adapter_raises_becomes_a_sentence(error: Exception, how: str) -> None:
    """It names the call and keeps the cause."""

    def fail() -> None:
        raise error

    scope = worker()
    with pytest.raises(InstrumentError, match=rf"failed in 'acquire'.*{type(error).__name__}.*try again") as caught:
        scope.call("acquire", fail, LONG_S) if how == "call" else scope.direct("acquire", fail)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [InputError("ours"), KeyboardInterrupt(), SystemExit(1)])
def test_our_own_errors_and_interrupts_pass(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        worker().call("acquire", fail, LONG_S)
    assert caught.value is error


def test_a_call_that_hangs_times_out_and_the_next_has_a_new_thread() -> None:
    """The sentence names call, seconds and what to do; the call that hung gets little time until it has returned."""
    scope, hang = worker(), threading.Event()
    first = scope.call("read", threading.get_ident, LONG_S)
    with pytest.raises(TimedOutError, match=r"'move_stage' did not return within 0\.02 s.*try again"):
        scope.call("move_stage", hang.wait, SHORT_S)
    assert scope.call("read", threading.get_ident, LONG_S) != first
    with pytest.raises(TimedOutError, match="within 1 s"):
        scope.call("move_stage", hang.wait, LONG_S)
    hang.set()
    assert scope.call("move_stage", hang.wait, LONG_S)
    assert scope.call("move_stage", hang.is_set, LONG_S)


def test_an_interrupt_comes_at_once_and_the_next_call_waits_for_the_one_under_way() -> None:
    """Ctrl-C while the instrument is busy: raised here, and what was begun there is not run into."""
    scope, go = worker(), threading.Event()
    order: list[str] = []

    def slow() -> None:
        signal.raise_signal(signal.SIGINT)  # received here, raised in the main thread, which is waiting
        go.wait()
        order.append("slow")

    with pytest.raises(KeyboardInterrupt):
        scope.call("slow", slow, LONG_S)
    threading.Timer(SHORT_S, go.set).start()
    scope.call("next", lambda: order.append("next"), LONG_S)
    assert order == ["slow", "next"]


def test_an_interrupted_call_that_hangs_is_left_behind() -> None:
    """The next call waits as long as that one had been given, no longer."""
    scope, go = worker(), threading.Event()

    def hang() -> None:
        signal.raise_signal(signal.SIGINT)
        go.wait()

    with pytest.raises(KeyboardInterrupt):
        scope.call("hang", hang, AFTER_HANG_S)
    assert scope.call("read", lambda: 7, LONG_S) == 7
    go.set()


def test_two_threads_take_turns() -> None:
    """Each gets its own answer."""
    scope = worker()
    found: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        found[number] = [scope.call("read", lambda: number, LONG_S) for _ in range(50)]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n] * 50 for n in range(4)}


def test_the_thread_ends_with_its_worker() -> None:
    """And an idle thread keeps nothing alive."""

    class Instrument:
        def read(self) -> threading.Thread:
            return threading.current_thread()

    scope, instrument = worker(), Instrument()
    thread = scope.call("read", instrument.read, LONG_S)
    gone = weakref.ref(instrument)
    assert thread.daemon
    del instrument, scope
    gc.collect()
    thread.join(LONG_S)
    assert not thread.is_alive()
    assert gone() is None


def test_a_long_call_is_given_up_when_it_is_no_longer_wanted() -> None:
    """An abort while the stage's server hangs: raised within a look, not after its minutes; nobody is locked out."""
    scope, go = Worker("Test scope", Timeouts(interrupted_s=SHORT_S)), threading.Event()
    looks: list[object] = []

    def unwanted() -> None:
        looks.append(threading.get_ident())
        raise InputError("aborted")

    with pytest.raises(InputError, match="aborted"):
        scope.call("move_stage", go.wait, LONG_S, unwanted)
    assert looks == [threading.get_ident()]
    assert scope.call("read", lambda: 7, LONG_S) == 7  # it waits no longer than `interrupted_s` for the stage
    go.set()


def test_others_may_call_during_a_pause() -> None:
    """What is paused in the middle of a call keeps the instrument for itself only until the call is over."""
    scope, go = worker(), threading.Event()
    found: list[int] = []

    def paused() -> None:
        go.set()
        other = threading.Thread(target=lambda: found.append(scope.call("read", lambda: 7, LONG_S)))
        other.start()
        other.join(LONG_S)

    assert scope.call("acquire", go.wait, LONG_S, paused)
    assert found == [7]


def test_a_dead_server_does_not_gather_threads() -> None:
    """However often it is asked; and it is asked again when something comes back."""
    scope, go = Worker("Test scope", Timeouts()), threading.Event()
    before = threading.active_count()
    for _ in range(12):
        with pytest.raises(TimedOutError, match="did not answer"):
            scope.call("read", go.wait, SHORT_S)
    assert threading.active_count() <= before + 6
    go.set()
    assert scope.call("read", lambda: 7, LONG_S) == 7
