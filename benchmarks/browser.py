"""Chromium without a screen, as the tests, the benchmark and the pictures of the page use it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from eucentric.web.serving import Serving

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> Path | None:
    """Where a Chromium is; None: there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return None if found is None else Path(found)


@contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium without a screen."""
    path = chromium()
    assert path is not None
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A tab that remembers what must not be: what its console complained of, and whom it asked beside the server."""

    def __init__(self, browser: Browser, there: Serving, *, width: int = 1280, height: int = 1024) -> None:
        self.page: Page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).netloc))
        self.page.goto(there.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"}:
            self.hosts.add(address.netloc)
