"""The live page in headless Chromium: how soon it is there, how many frames it shows, and what it costs a run.

Frames are 1024 × 1024 pixels, told to the observer as a run tells them, as fast as it takes them. What is counted is
what the browser has painted. Timings are the best of some tries: what else the machine does can only add to them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import numpy as np
from playwright.sync_api import Browser, Page
from websockets.sync.client import connect
from websockets.typing import Origin

from benchmarks.browser import Watched, chromium, launched
from benchmarks.claims import Claim, judged, not_run, shown
from eucentric.focus.events import ByHand, Event, FrameTaken, RunStarted
from eucentric.focus.settings import default_sequence
from eucentric.images.frame import Frame, OpticalState
from eucentric.web.room import Room
from eucentric.web.serving import Serving

GROUP = "live page"
FRAMES_PER_S = 15.0
FIRST_VIEW_S = 2.0
SIDE_PX = 1024
_FED_PER_S = 60.0
_KINDS = {"live": "5", "images": "1"}  # and the view that shows them
_WHAT = {"live": "a stream of single images, with its power spectra", "images": "a stream of pairs, side by side"}


def run(*, quick: bool, log: bool) -> Iterator[Claim]:
    """The claims on the page."""
    if chromium() is None:
        yield not_run(GROUP, "frames shown", f"≥ {FRAMES_PER_S:g} /s", "no Chromium here")
        return
    seconds, tries = (3.0, 2) if quick else (8.0, 4)
    with Serving(Room(), port=0) as there, launched() as browser:
        yield _first_view(browser, there, tries)
        for kind in _KINDS:
            yield _stream(browser, there, kind, seconds, log=log)
    yield _cost(seconds)


def _first_view(browser: Browser, there: Serving, tries: int) -> Claim:
    spent = []
    for _ in range(tries):
        begin = time.perf_counter()
        tab = Watched(browser, there)
        tab.page.locator(".transport .chip", has_text="Idle").wait_for()
        tab.page.locator("eu-watch eu-pair").wait_for()
        spent.append(time.perf_counter() - begin)
        tab.page.context.close()
    best = min(spent)
    said = f"{best:.2f} s (median {median(spent):.2f})"
    return judged(GROUP, "first view, from opening the address", f"≤ {FIRST_VIEW_S:g} s", said, best <= FIRST_VIEW_S)


def _stream(browser: Browser, there: Serving, kind: str, seconds: float, *, log: bool) -> Claim:
    tab = Watched(browser, there)
    tab.page.locator(".transport .chip", has_text="Idle").wait_for()
    tab.page.keyboard.press(_KINDS[kind])
    with _fed(there.room, kind) as told:
        rate = max(_rate(tab.page, kind, seconds) for _ in range(2))
        if log:
            print(f"{kind}: {rate:.1f} shown of {told():.1f} told per second")
        fed = told()
    tab.page.context.close()
    what = f"{_WHAT[kind]}, {SIDE_PX}² shown per second"
    note = f"told at {fed:.0f} per second; the rest is skipped"
    return judged(GROUP, what, f"≥ {FRAMES_PER_S:g}", f"{rate:.1f}", rate >= FRAMES_PER_S, note)


def _rate(page: Page, kind: str, seconds: float) -> float:
    """What the browser paints per second."""
    page.wait_for_timeout(500)
    before, begin = _painted(page, kind), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    return (_painted(page, kind) - before) / (time.perf_counter() - begin)


def _painted(page: Page, kind: str) -> int:
    return int(page.evaluate("kind => document.querySelector('eu-page').shown(kind)", kind))


@contextmanager
def _fed(room: Room, kind: str) -> Iterator[Callable[[], float]]:
    """A thread that tells frames; how many it told per second."""
    over, count, begin = threading.Event(), [0], time.perf_counter()

    def feed() -> None:
        while not over.wait(1 / _FED_PER_S):
            for event in _events(kind, count[0]):
                room.watching(event)
            count[0] += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield lambda: count[0] / (time.perf_counter() - begin)
    finally:
        over.set()
        thread.join()


_RNG = np.random.default_rng(7)
_PIXELS = [_RNG.poisson(40, (SIDE_PX, SIDE_PX)).astype(np.uint16) for _ in range(6)]


def _frame(number: int, tilt_rad: float = 0.0) -> Frame:
    state = OpticalState(tilt_rad=(0.0, tilt_rad), preset="fa")
    return Frame(_PIXELS[number % len(_PIXELS)], pixel_m=0.3e-9, state=state, time_s=0.1 * number)


def _events(kind: str, number: int) -> tuple[Event, ...]:
    if kind == "live":
        return (ByHand(0.1 * number, "manual", frame=_frame(number)),)
    pair = (_frame(number, -5e-3), _frame(number + 1, 5e-3))
    return tuple(FrameTaken(f.time_s, "fine", number, index, f) for index, f in enumerate(pair))


def _cost(seconds: float) -> Claim:
    """What telling an image to the page costs a run, while a browser watches that shows nothing any more."""
    with Serving(Room(), port=0) as there:
        there.room.watching(RunStarted(0.0, "simulated", default_sequence(), False))
        url = f"{there.address.replace('http', 'ws')}/api/stream"
        with connect(url, origin=Origin(there.address), max_size=None, compression=None) as hanging:
            hanging.send(json.dumps({"token": there.gate.token, "client": "hangs"}))
            hanging.recv()
            spent = []
            end, number = time.perf_counter() + seconds, 0
            while time.perf_counter() < end:
                for event in _events("images", number):
                    begin = time.perf_counter()
                    there.room.watching(event)
                    spent.append(time.perf_counter() - begin)
                number += 1
    said = f"{1e3 * median(spent):.2f} ms (95 % below {1e3 * float(np.percentile(spent, 95)):.2f})"
    return shown(GROUP, "what an image told to the page costs the run, while a browser hangs", said)
