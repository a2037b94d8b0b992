"""A browser, a page that is served as `eucentric serve` does, and a tab of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.browser import Watched, launched
from eucentric.web.serving import Serving
from tests.web.served import serving, whole_bench
from tests.web.tabs import WITHIN_MS

expect.set_options(timeout=WITHIN_MS)


@pytest.fixture(scope="module")  # it keeps an event loop: other modules run their own
def browser() -> Iterator[Browser]:
    with launched() as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Serving]:
    made, place = whole_bench(tmp_path)
    with serving(made, place=place) as served:
        yield served


@pytest.fixture
def tab(browser: Browser, there: Serving) -> Iterator[Watched]:
    """A tab; at the end nothing was complained of, and nobody else was asked."""
    watched = Watched(browser, there)
    yield watched
    assert watched.complaints == []
    assert watched.hosts == {there.address.removeprefix("http://")}
    watched.page.context.close()
